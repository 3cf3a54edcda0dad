//! Written forms to words.

use super::rules::RULES;

/// Rewrites what a pronunciation lexicon would drop or spell: times, dates, measures, phone numbers, addresses, symbols.
///
/// `normalise("At 9:30 it's 20°C & 50% humid")` is `At 9 30 it's 20 degrees Celsius and 50 percent humid`.
/// The result has no markup and no symbol without a reading; of characters without one, letters of other scripts stay.
pub fn normalise(text: &str) -> String {
    let mut text = plain_characters(text);
    for rule in RULES.iter() {
        if let std::borrow::Cow::Owned(changed) = rule.apply(&text) {
            text = changed;
        }
    }
    tidy(&text)
}

/// One spelling for each mark, and no characters that nobody says.
fn plain_characters(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => plain.push('\n'),
            '‘' | '’' | 'ʼ' | '`' => plain.push('\''),
            '“' | '”' | '„' | '«' | '»' => plain.push('"'),
            '\u{2010}' | '\u{2011}' | '\u{2212}' => plain.push('-'),
            '–' | '—' | '―' => plain.push('—'),
            '…' => plain.push_str("..."),
            '½' => plain.push_str(" 1/2"),
            '¼' => plain.push_str(" 1/4"),
            '¾' => plain.push_str(" 3/4"),
            _ if c.is_alphanumeric() || c.is_ascii_graphic() || "°£€¥₹¢×÷±".contains(c) => plain.push(c),
            // Accents written as characters of their own belong to the letter before.
            '\u{300}'..='\u{36f}' => plain.push(c),
            // Written inside words, never heard.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => {}
            _ => plain.push(' '),
        }
    }
    plain
}

/// Single spaces, none before a mark, and no marks in a heap.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push('\n');
        }
        let mut marks = 0;
        for c in words.chars() {
            if ",.;:!?".contains(c) {
                if tidy.ends_with(' ') {
                    tidy.pop();
                }
                marks += 1;
                if marks > 3 {
                    continue;
                }
            } else if c != ' ' {
                marks = 0;
            }
            tidy.push(c);
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(written: &str, spoken: &str) {
        assert_eq!(normalise(written), spoken, "{written:?}");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in [
            "The quick brown fox jumps over the lazy dog.",
            "Dr. Smith paid $1,250 in 2024, didn't he?",
            "It's the 3rd of May; 3.5 of them -- well, almost.",
            "A well-known state-of-the-art idea (really).",
        ] {
            reads(text, text);
        }
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        reads("At 9:30.", "At 9 30.");
        reads("It's 9:05 am now", "It's 9 oh 5 A.M. now");
        reads("9:00", "9 o'clock");
        reads("at 9:00pm", "at 9 P.M.");
        reads("by 5 p.m. or 6am", "by 5 P.M. or 6 A.M.");
        reads("18:45:10", "18 45 and 10 seconds");
        reads("a 16:9 picture, 99:99", "a 16 to 9 picture, 99 to 99");
    }

    #[test]
    fn dates_have_months() {
        reads("on 2024-03-05", "on March 5th, 2024");
        reads("due 12/31/2025.", "due December 31st, 2025.");
        reads("from 3/22/24", "from March 22nd, 2024");
        reads("2024-13-05", "2024 13 05");
    }

    #[test]
    fn telephone_numbers_are_read_digit_by_digit() {
        reads("Call 555-1234.", "Call 5 5 5, 1 2 3 4.");
        reads("(415) 555-0199", "4 1 5, 5 5 5, 0 1 9 9");
        reads("415.555.0199", "4 1 5, 5 5 5, 0 1 9 9");
        reads("+1 415-555-0199", "plus 1, 4 1 5, 5 5 5, 0 1 9 9");
        reads("+44 20 7946 0958", "plus 4 4, 2 0, 7 9 4 6, 0 9 5 8");
        reads("code 8675309100", "code 8 6 7 5 3 0 9 1 0 0");
    }

    #[test]
    fn measures_have_names_in_the_right_number() {
        reads("20°C", "20 degrees Celsius");
        reads("1 °F", "1 degree Fahrenheit");
        reads("20 degrees C", "20 degrees Celsius");
        reads("-5° outside", "minus 5 degrees outside");
        reads("50%", "50 percent");
        reads("100 km/h, 1 km, 2.5km", "100 kilometers per hour, 1 kilometer, 2.5 kilometers");
        reads("5 kg of flour and 250ml", "5 kilograms of flour and 250 milliliters");
        reads("16GB at 60 mph", "16 gigabytes at 60 miles per hour");
        reads("6 ft in 10 min", "6 feet in 10 minutes");
        reads("I have 5 in stock", "I have 5 in stock");
    }

    #[test]
    fn money_has_its_currency() {
        reads("¥500", "500 yen");
        reads("₹1", "1 rupee");
        reads("50¢", "50 cents");
        reads("$5 million and €2.5bn", "5 million dollars and 2.5 billion euros");
        reads("$20k", "20 thousand dollars");
        reads("20 USD", "20 US dollars");
    }

    #[test]
    fn addresses_are_spelled_by_their_parts() {
        reads("mail bob.lee@example.com!", "mail bob dot lee at example dot com!");
        reads("See https://www.example.com/docs/start?x=1#y.", "See example dot com slash docs slash start.");
        reads("at example.org, or", "at example dot org, or");
        reads("open node.js", "open node dot js");
    }

    #[test]
    fn symbols_have_words() {
        reads("R&D & more", "R and D and more");
        reads("2 + 2 = 4", "2 plus 2 equals 4");
        reads("3 × 4 ÷ 2", "3 times 4 divided by 2");
        reads("#1 of ~20, -7", "number 1 of about 20, minus 7");
        reads("1/2 or 3/4, 24/7", "one half or 3 quarters, 24 7");
        reads("5-10 people, 1990–95", "5 to 10 people, 1990 to 95");
        reads("and/or he/she", "and or he or she");
        reads("e.g. this, i.e. that, etc.", "for example this, that is that, etcetera.");
        reads("cats vs. dogs, No. 5", "cats versus dogs, number 5");
    }

    #[test]
    fn markup_and_pictures_are_not_read() {
        reads("**Bold** and _soft_ `code`", "Bold and soft code");
        reads("# Title\n- one\n* two\n1. three", "Title\none\ntwo\n1. three");
        reads("[the docs](https://example.com) 🎉 :)", "the docs:)");
        reads("a\u{200b}b\u{ad}c", "abc");
        reads("<b>hi</b>", "hi");
        reads("what?!?!?!?!", "what?!?");
        reads("", "");
    }

    #[test]
    fn any_text_is_read_without_growing_out_of_hand() {
        let mut seed = 3u32;
        for _ in 0..300 {
            let text: String = (0..200)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    char::from(b"0123456789:/-.,+@#$%&=<>[]()* ampkC\n"[(seed >> 16) as usize % 35])
                })
                .collect();
            let spoken = normalise(&text);
            assert!(spoken.len() <= text.len() * 12, "{text:?}");
            assert!(!spoken.contains(['&', '%', '@', '#', '*', '=', '<', '>', '/', '[', ']']), "{text:?} → {spoken:?}");
        }
    }
}
