//! A supervisor whispers to the agent.

mod support;

use support::{Call, config};

/// The last request of the timeline.
fn request(call: &mut Call) -> String {
    call.take_lines().into_iter().rfind(|line| line.contains("generate")).unwrap_or_default()
}

#[test]
fn a_whisper_is_told_to_the_model_before_the_next_question_and_to_nobody_else() {
    let mut call = Call::joined(config(|_| ()));
    call.whisper("Offer a discount.").expect_nothing();
    call.user_says(0, "Too dear.");
    assert_eq!(request(&mut call), "1.400s generate r1 #1: S:P | S:Offer a discount. | U:Too dear.");
    call.text(1, "Ten percent off.").finished(1).speaks(0).after(1000).played(0).skip();
    assert_eq!(call.history(), ["U:Too dear.", "A:Ten percent off."]);
    call.user_says(1, "Fine.");
    assert_eq!(request(&mut call), "3.800s generate r2 #2: S:P | U:Too dear. | A:Ten percent off. | U:Fine.");
}

#[test]
fn a_whisper_holds_until_an_answer_is_heard() {
    let mut call = Call::joined(config(|_| ()));
    call.whisper("Be brief.").user_says(0, "Tell me").skip();
    // The user goes on before anything was heard.
    call.speech_starts().after(1000).speech_pauses().transcript(1, 1, "everything.").after(400);
    let asked = request(&mut call);
    assert!(asked.ends_with("S:P | S:Be brief. | U:Tell me everything."), "{asked}");
    // One that comes while the answer is made is for the one after.
    call.whisper("Smile.").text(2, "All of it.").finished(2).speaks(0).after(1000).played(0).skip();
    call.user_says(2, "Thanks.");
    let asked = request(&mut call);
    assert!(asked.ends_with("A:All of it. | S:Smile. | U:Thanks."), "{asked}");
}

#[test]
fn at_the_limit_the_oldest_whisper_goes_and_a_long_one_is_cut() {
    let mut call = Call::joined(config(|_| ()));
    for n in 0..10 {
        call.whisper(&format!("w{n}"));
    }
    call.whisper("  ").whisper(&"x".repeat(3000)).user_says(0, "Hm?");
    let asked = request(&mut call);
    assert!(asked.contains("S:P | S:w3 |") && asked.contains(&format!("| S:{} | U:", "x".repeat(2000))), "{asked}");
}

#[test]
fn a_whisper_makes_an_answer_that_was_begun_early_worthless() {
    let mut call = Call::joined(config(|config| config.turn_detection.speculate = true));
    call.speech_starts().after(1000).speech_pauses().transcript(0, 1, "Too dear.").skip();
    call.whisper("Offer a discount.").expect(&["1.000s cancel r1", "1.000s stop playout r1"]);
    call.after(400);
    let asked = request(&mut call);
    assert!(asked.contains("S:Offer a discount. | U:Too dear."), "{asked}");
}
