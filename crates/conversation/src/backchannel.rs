//! What was said over the agent: words that take the floor, a sound of listening ("mm-hm", "yeah", "嗯", "对") that leaves it, or a
//! remark that may be either.
//!
//! A text is a backchannel if every word of it is in the lexicon of its language, up to [`MOST_WORDS`] of them. Words are compared without
//! case, punctuation and hyphens, letters that are drawn out count once or twice ("mmmm", "yeahhh"), and what a recogniser puts in brackets
//! ("[cough]") is no word. Scripts without spaces are read from the front, the longest entry first. An unknown language is
//! judged by all lexicons.
//!
//! "No", "wait", "stop", "不" are in none: who says them wants the floor, as who begins a question does ([`TAKES_FLOOR`]). Any other one
//! or two words are a remark: mostly a sound of listening that the recogniser took for a word ("sure" for "here"), without any
//! context to know better.

use crate::text::is_cjk;

/// More words than this take the floor, whatever they are.
const MOST_WORDS: usize = 6;
/// Words of a remark at most, and characters of one in a script without spaces.
const REMARK_WORDS: usize = 2;
const REMARK_CHARS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing that could be said.
    Nothing,
    Backchannel,
    /// A word or two that do not say which.
    Remark,
    Words,
}

/// Sounds that are written alike everywhere; a recogniser may spell a hum ("M. M.").
const SOUNDS: &str = "ah, aha, eh, er, erm, h, hah, haha, hahaha, hm, hmm, huh, m, mh, mhm, mm, mmhm, mmhmm, mmm, n, oh, ooh, uh, uhhuh, \
    uhuh, um, umhm, umm";

/// Each list has the language tag it belongs to, and its entries as [`folded`] leaves them.
const LEXICONS: &[(&str, &str)] = &[
    (
        "en",
        "absolutely, alright, cool, correct, exactly, fine, good, gotcha, great, indeed, interesting, ok, okay, okey, perfect, \
        really, right, sure, thanks, true, wow, ya, yah, yeah, yep, yes, yup, you, all right, got it, i see, makes sense, of course, \
        oh yeah, thank you, that's right",
    ),
    (
        "zh",
        "嗯, 恩, 哦, 噢, 喔, 啊, 呃, 额, 唔, 哈, 呵, 诶, 欸, 哎, 对, 對, 是, 好, 行, 成, 的, 呀, 吧, 了, 嘛, 可以, 没错, 沒錯, 明白, \
        知道, 知道了, 了解, 这样, 這樣, 这样啊, 原来如此, 原來如此, 当然, 當然, 谢谢, 謝謝, 有道理",
    ),
    ("ja", "うん, はい, ええ, へえ, へー, そう, そうです, そうですね, なるほど, ああ, うーん, ね, か, ありがとう"),
    ("ko", "네, 예, 응, 음, 아, 어, 그래, 그래요, 맞아, 맞아요, 알겠어요, 좋아요, 그렇군요"),
    (
        "de",
        "ja, jaja, jo, genau, gut, stimmt, klar, okay, ok, ach, ach so, aha, alles klar, richtig, danke, schön, super",
    ),
    ("fr", "oui, ouais, ok, okay, ah, bien, bon, voilà, exact, exactement, super, merci, d'accord, je vois"),
    ("es", "sí, si, ya, claro, vale, bueno, bien, ok, okay, ajá, aja, gracias, exacto, de acuerdo, ya veo"),
];

/// Words that no remark has, of all languages; in scripts without spaces wherever they stand.
const TAKES_FLOOR: &str = "again, actually, back, but, can, cancel, could, don't, enough, excuse, hang, help, hey, hold, how, listen, louder, never, \
    no, nope, not, pardon, pause, please, quiet, repeat, shut, skip, slower, sorry, stop, wait, what, what's, when, where, which, who, why, \
    halt, stopp, warte, warten, moment, nein, nicht, aber, was, wie, wo, wer, wann, warum, wieso, bitte, entschuldigung, lauter, \
    arrête, arrêtez, attends, attendez, non, pas, mais, quoi, qui, où, quand, comment, pourquoi, excusez, \
    alto, para, pare, espera, espere, pero, qué, quién, dónde, cuándo, cómo, perdón, basta";
const TAKES_FLOOR_CJK: &str = "停, 等, 不, 别, 別, 没, 沒, 什么, 什麼, 怎, 谁, 誰, 哪, 几, 幾, 多少, 但, 可是, 喂, 请, 請, 取消, 够, 夠, 安静, 安靜, 再, \
    待, 違, いいえ, いや, ちょっと, なに, 何, どこ, だれ, いつ, なぜ, やめ, でも, すみません, \
    잠깐, 잠시, 아니, 그만, 멈, 뭐, 왜, 어디, 누구, 언제, 어떻게, 하지만, 저기, 죄송";

/// What listeners say most, short and hard to recognise for who does not expect it. No word that takes the floor is among them: of an
/// echo or a cough a recogniser makes what it expects, and that must not stop the agent. No "oh" either, which it makes of words half heard
/// over an echo.
const EXPECTED: &[(&str, &str)] = &[
    ("en", "Okay, Yeah, Right, Uh huh, I see, Mm hmm, Sure, Got it, Of course, Great, Alright, Yes"),
    ("zh", "嗯, 对, 好的, 是的, 知道了, 明白, 没错, 可以"),
    ("ja", "うん, はい, ええ, そうですね, なるほど"),
    ("ko", "네, 응, 그래요, 맞아요, 그렇군요"),
    ("de", "Ja, Genau, Okay, Mhm, Alles klar, Stimmt, Gut"),
    ("fr", "Oui, D'accord, Je vois, Ok, Mhm, Voilà"),
    ("es", "Sí, Claro, Vale, Ya veo, De acuerdo, Bueno"),
];

/// Words that a recogniser should expect over an agent's voice. `language`: the vendor's language id; where none is known there are none,
/// since words of a wrong language lead it astray.
pub fn said_over_agents(language: Option<&str>) -> impl Iterator<Item = &'static str> + use<> {
    let language = language.unwrap_or_default().to_lowercase();
    let list = EXPECTED.iter().find(|(tag, _)| language.starts_with(tag)).map(|(_, list)| *list);
    list.into_iter().flat_map(entries)
}

fn entries(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(", ")
}

/// What a text means that was said over the agent. `language`: the vendor's language id, if the agent has one.
pub(crate) fn meaning(text: &str, language: Option<&str>) -> Meaning {
    let words = folded(text);
    if words.is_empty() {
        return Meaning::Nothing;
    }
    if words.len() > MOST_WORDS {
        return Meaning::Words;
    }
    let known =
        LEXICONS.iter().filter(|(tag, _)| language.is_some_and(|language| language.to_lowercase().starts_with(tag)));
    let known: Vec<&'static str> = known.map(|(_, words)| *words).collect();
    let lexicons = if known.is_empty() { LEXICONS.iter().map(|(_, words)| *words).collect() } else { known };
    match covered(&words, &lexicons) {
        true => Meaning::Backchannel,
        false if is_remark(&words) => Meaning::Remark,
        false => Meaning::Words,
    }
}

fn is_remark(words: &[String]) -> bool {
    let is_short = |word: &String| !word.chars().any(is_cjk) || word.chars().count() <= REMARK_CHARS;
    let takes_floor = |word: &String| {
        entries(TAKES_FLOOR).any(|entry| entry == word) || entries(TAKES_FLOOR_CJK).any(|entry| word.contains(entry))
    };
    words.len() <= REMARK_WORDS && words.iter().all(|word| is_short(word) && !takes_floor(word))
}

/// Whether entries, one after the other, make up all the words.
fn covered(words: &[String], lexicons: &[&'static str]) -> bool {
    let mut rest = words;
    while let Some((first, more)) = rest.split_first() {
        let is_entry = |text: &str| entries(SOUNDS).any(|sound| sound == text) || has(lexicons, text);
        rest = match rest {
            [a, b, more @ ..] if is_entry(&format!("{a} {b}")) => more,
            _ if is_entry(first) || (first.chars().any(is_cjk) && is_made_of(first, lexicons)) => more,
            _ => return false,
        };
    }
    true
}

fn has(lexicons: &[&'static str], text: &str) -> bool {
    lexicons.iter().any(|list| entries(list).any(|entry| entry == text))
}

/// Whether a word of a script without spaces is a row of entries.
fn is_made_of(word: &str, lexicons: &[&'static str]) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let all = lexicons.iter().flat_map(|list| entries(list));
        let Some(longest) = all.filter(|entry| rest.starts_with(entry)).map(str::len).max() else {
            return false;
        };
        rest = &rest[longest..];
    }
    true
}

/// The words of a text in lower case, without marks, hyphens and what stands in brackets; no letter more than twice in a row, nor at
/// a word's end more than once, "ok", "mm" and the like apart.
fn folded(text: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let mut words = vec![String::new()];
    for c in text.chars() {
        match c {
            '[' | '(' | '（' | '【' | '*' if depth == 0 || c != '*' => depth += 1,
            ']' | ')' | '）' | '】' | '*' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '-' | '‐' | '‑' => {}
            '’' => push(&mut words, '\''),
            '\'' | 'ー' => push(&mut words, c),
            _ if c.is_alphanumeric() => c.to_lowercase().for_each(|c| push(&mut words, c)),
            _ => words.push(String::new()),
        }
    }
    let words = words.into_iter().map(|word| word.trim_matches('\'').to_owned()).filter(|word| !word.is_empty());
    words.map(|word| short_end(&word)).collect()
}

fn push(words: &mut [String], c: char) {
    let Some(word) = words.last_mut() else { return };
    let twice = word.chars().rev().take(2).filter(|before| *before == c).count() == 2;
    if !twice || is_cjk(c) || c.is_numeric() {
        word.push(c);
    }
}

/// "yeahh" is "yeah", but "mm", "see" and "all" are themselves.
fn short_end(word: &str) -> String {
    let mut chars = word.chars().rev();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(a), Some(b), Some(c)) if a == b && b != c && "ahkpuy".contains(a) => {
            word[..word.len() - a.len_utf8()].to_owned()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_of_listening_are_backchannels_however_they_are_written() {
        for text in [
            "Mm-hm.",
            "mm hm",
            "Mmm.",
            "mmmm",
            "Uh-huh!",
            "Yeah.",
            "yeahhh",
            "Yeah, yeah, yeah.",
            "Okay.",
            "OK",
            "I see.",
            "Oh, right.",
            "That’s right.",
            "Hmm",
            "Sure.",
            "Oh yeah, of course",
        ] {
            assert_eq!(meaning(text, Some("en")), Meaning::Backchannel, "{text}");
            assert_eq!(meaning(text, None), Meaning::Backchannel, "{text}");
        }
        for text in ["嗯", "嗯嗯。", "对", "对对对", "好的，好的", "是的", "哦，这样啊", "嗯，知道了", "對"]
        {
            assert_eq!(meaning(text, Some("zh_mandarin")), Meaning::Backchannel, "{text}");
            assert_eq!(meaning(text, None), Meaning::Backchannel, "{text}");
        }
    }

    #[test]
    fn words_that_want_something_take_the_floor() {
        for text in [
            "No.",
            "Wait!",
            "stop",
            "Yeah, but when?",
            "okay stop",
            "What?",
            "right now please",
            "Can you hear me?",
            "yeah yeah yeah yeah yeah yeah yeah",
        ] {
            assert_eq!(meaning(text, Some("en")), Meaning::Words, "{text}");
        }
        for text in ["不", "等一下", "停", "对不起，我想问", "太贵了吧", "为什么"] {
            assert_eq!(meaning(text, Some("zh_mandarin")), Meaning::Words, "{text}");
        }
    }

    #[test]
    fn any_other_word_or_two_are_a_remark() {
        for text in ["Here.", "plot it", "Amen, then.", "Tuesday", "right now"] {
            assert_eq!(meaning(text, Some("en")), Meaning::Remark, "{text}");
        }
        for text in ["好贵", "星期二"] {
            assert_eq!(meaning(text, Some("zh_mandarin")), Meaning::Remark, "{text}");
        }
        for text in ["when, Tuesday", "three words here", "Nein", "ちょっと", "잠깐만"] {
            assert_eq!(meaning(text, None), Meaning::Words, "{text}");
        }
    }

    #[test]
    fn whatever_is_expected_over_an_agent_stops_nobody() {
        for (tag, list) in EXPECTED {
            for entry in entries(list) {
                assert_eq!(meaning(entry, Some(tag)), Meaning::Backchannel, "{tag}: {entry}");
            }
        }
        assert!(said_over_agents(Some("en_us")).any(|word| word == "Mm hmm"));
        assert_eq!((said_over_agents(None).count(), said_over_agents(Some("xx")).count()), (0, 0));
    }

    #[test]
    fn noises_in_brackets_are_nothing() {
        for text in ["", " ... ", "[cough]", "(coughing)", "*sighs*", "（咳嗽）", "[BLANK_AUDIO]."] {
            assert_eq!(meaning(text, Some("en")), Meaning::Nothing, "{text}");
        }
        assert_eq!(meaning("[cough] wait", Some("en")), Meaning::Words);
    }

    #[test]
    fn each_language_has_its_own() {
        assert_eq!(meaning("ja, genau", Some("de")), Meaning::Backchannel);
        assert_eq!(meaning("genau", Some("en")), Meaning::Remark);
        assert_eq!(meaning("はい、はい", Some("ja")), Meaning::Backchannel);
    }

    #[test]
    fn every_entry_is_found_as_it_is_written() {
        for (tag, list) in LEXICONS {
            for entry in entries(list) {
                assert_eq!(meaning(entry, Some(tag)), Meaning::Backchannel, "{tag}: {entry}");
            }
        }
    }
}
