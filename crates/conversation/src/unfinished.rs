//! Texts that nobody ends a turn with: the last word joins on ("and", "因为") or holds the floor ("um", "那个"), or the recogniser itself
//! writes that more is to come ("…", ",").

/// Last words in lower case, of scripts with spaces.
const WORDS: &str = "a an and are as at because but by er erm for from has have if in into is like my of or so than that the their then to \
    uh uhm um until was were when which while who with would your";

/// Endings of scripts without spaces.
const ENDINGS: &str = "和 跟 与 或 或者 但 但是 不过 可是 因为 所以 如果 要是 然后 而且 还有 以及 就是 就是说 比如 例如 那个 这个 呃 額 嗯 把 被 給 给 比 從 从";

/// Whether the speaker is likely to go on.
pub(crate) fn is_unfinished(text: &str) -> bool {
    let text = text.trim_end();
    if text.ends_with(['…', ',', '，', '、', '-', '—']) || text.ends_with("...") {
        return true;
    }
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let last = text.split_whitespace().next_back().unwrap_or_default();
    WORDS.split_whitespace().any(|word| word == last) || ENDINGS.split_whitespace().any(|end| text.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joints_and_fillers_at_the_end_say_that_more_comes() {
        for text in [
            "I would like a room and",
            "So, um.",
            "Because…",
            "First,",
            "我想去，因为",
            "然后那个…",
            "The one with the",
        ] {
            assert!(is_unfinished(text), "{text}");
        }
        for text in ["What is the weather today?", "Yes.", "我想去北京。", "Turn it on now", "", "Sandy"] {
            assert!(!is_unfinished(text), "{text}");
        }
    }
}
