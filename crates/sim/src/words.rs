//! What is said in simulated calls: enough variety to meet every rule about text, no meaning.

use crate::chance::Chance;

const USER: &[&str] = &[
    "what", "is", "the", "weather", "like", "tomorrow", "and", "can", "you", "book", "a", "table", "for", "four", "I",
    "would", "like", "to", "know", "my", "balance", "please", "no", "wait", "actually", "Tuesday", "at", "half",
    "past", "nine", "stop",
];
const USER_CJK: &[&str] = &["明天", "天气", "怎么样", "我想", "订一张", "桌子", "谢谢", "好的", "等一下", "停"];

const AGENT: &[&str] = &[
    "Sure, I can help with that.",
    "The weather tomorrow is sunny, with highs around 22.5 degrees and a light breeze from the west in the afternoon.",
    "Let me check.",
    "Dr. Smith has time at 9:30 on Tuesday; would that suit you?",
    "There are three options: the first is cheap, the second is fast, and the third is both but sold out.",
    "I don't know.",
    "**Important:** please bring `ID`.",
    "- one\n- two\n",
    "明天天气很好，我们去公园吧。好吗？",
    "Yes!",
    "Hmm, let me think about that for a moment, because it is not as simple as it looks at first sight and I want to be right.",
    "\u{1F600}",
    "Visit https://example.com/a_b for more.",
];

const BACKCHANNELS: &[&str] = &["mm-hm", "yeah", "right", "uh-huh", "okay", "嗯"];
const INTERRUPTIONS: &[&str] =
    &["no wait", "stop please", "that is not what I asked", "hold on a second", "actually I want something else", "停"];

pub(crate) fn user_words(chance: &mut Chance, count: u64, cjk: bool) -> Vec<String> {
    let of = if cjk { USER_CJK } else { USER };
    (0..count).map(|_| (*chance.pick(of)).to_owned()).collect()
}

pub(crate) fn backchannel(chance: &mut Chance) -> Vec<String> {
    vec![(*chance.pick(BACKCHANNELS)).to_owned()]
}

pub(crate) fn interruption(chance: &mut Chance) -> Vec<String> {
    chance.pick(INTERRUPTIONS).split(' ').map(str::to_owned).collect()
}

/// An answer of the language model.
pub(crate) fn answer(chance: &mut Chance) -> String {
    let sentences = chance.weighted(&[(40, 1), (30, 2), (20, 4), (8, 9), (2, 40)]);
    let mut text = (0..sentences).map(|_| *chance.pick(AGENT)).collect::<Vec<_>>().join(" ");
    match chance.weighted(&[(90, 0), (3, 1), (3, 2), (1, 3), (1, 4), (1, 5), (1, 6)]) {
        1 => text.push_str(" <imsagent_hangup endword=\"Bye for now.\"/> and more"),
        2 => text.insert_str(0, "<No Interrupting>"),
        3 => text.push_str("<imsagent_transfer_call err_msg=\"I cannot transfer you.\"/>"),
        4 => text = "... \u{1F600} ---".to_owned(),
        5 => text.push_str(" ```rust\nfn main() {}\n``` done."),
        6 => text = "word ".repeat(900),
        _ => {}
    }
    text
}

/// The text in pieces, as a model streams it.
pub(crate) fn chunks(chance: &mut Chance, text: &str) -> Vec<String> {
    let most = *chance.pick(&[3, 8, 30, 5000]);
    let (mut all, mut chunk) = (Vec::new(), String::new());
    let mut room = chance.between(1, most);
    for c in text.chars() {
        chunk.push(c);
        room -= 1;
        if room == 0 {
            all.push(std::mem::take(&mut chunk));
            room = chance.between(1, most);
        }
    }
    if !chunk.is_empty() {
        all.push(chunk);
    }
    all
}

/// A text that the app server wants said.
pub(crate) fn say(chance: &mut Chance) -> String {
    match chance.between(0, 9) {
        0 => "...".to_owned(),
        1 => "One. Two. Three. Four. Five. Six. Seven.".to_owned(),
        _ => (*chance.pick(AGENT)).to_owned(),
    }
}
