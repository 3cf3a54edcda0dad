//! What keeps Whisper from talking to itself: it loops on short clips, and it describes what is no speech.

/// Longest loop looked for, in tokens.
const LONGEST_CYCLE: usize = 12;

/// How many times in a row a cycle of so many tokens may come before it counts as a loop. Short ones do occur in
/// speech ("no no no").
fn allowed(cycle: usize) -> usize {
    if cycle <= 2 { 4 } else { 3 }
}

/// If the tokens end in a loop, the length at which one copy of it remains.
pub(super) fn end_of_loop(tokens: &[u32]) -> Option<usize> {
    (1..=LONGEST_CYCLE).find_map(|cycle| {
        let copies = allowed(cycle);
        let tail = tokens.len().checked_sub(cycle * copies).map(|start| &tokens[start..])?;
        let repeats = tail.iter().zip(&tail[cycle..]).all(|(a, b)| a == b);
        repeats.then(|| tokens.len() - cycle * (copies - 1))
    })
}

/// At most so many tokens for `samples` of audio at 16 kHz; fast speech has about 4 a second.
pub(super) fn most_tokens(samples: usize) -> usize {
    samples * 6 / crate::EAR_RATE as usize + 10
}

/// What was said, without descriptions of sounds: `[BLANK_AUDIO]`, `(music)`, `*coughs*`, notes. Brackets around digits
/// stay, they may be part of a number.
pub(super) fn without_annotations(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(at) = rest.find(['[', '(', '（', '【', '*', '♪', '♫']) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let open = from.chars().next().expect("something was found");
        let inside = &from[open.len_utf8()..];
        rest = match inside.find(closing(open)) {
            Some(end) if !inside[..end].contains(|c: char| c.is_numeric()) => &inside[end + closing(open).len_utf8()..],
            // A lone note says no more than silence; another lone sign is text.
            _ if matches!(open, '♪' | '♫') => inside,
            _ => {
                kept.push(open);
                inside
            }
        };
    }
    kept.push_str(rest);
    if !kept.contains(char::is_alphanumeric) {
        return String::new();
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn closing(open: char) -> char {
    match open {
        '[' => ']',
        '(' => ')',
        '（' => '）',
        '【' => '】',
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_cut_to_one_copy() {
        assert_eq!(end_of_loop(&[9, 5, 5, 5, 5]), Some(2));
        assert_eq!(end_of_loop(&[9, 5, 6, 5, 6, 5, 6, 5, 6]), Some(3));
        assert_eq!(end_of_loop(&[1, 2, 3, 1, 2, 3, 1, 2, 3]), Some(3));
        let long: Vec<u32> = (0..12).cycle().take(36).collect();
        assert_eq!(end_of_loop(&long), Some(12));
    }

    #[test]
    fn repetition_within_reason_is_kept() {
        assert_eq!(end_of_loop(&[]), None);
        assert_eq!(end_of_loop(&[5, 5, 5]), None);
        assert_eq!(end_of_loop(&[1, 2, 3, 1, 2, 3]), None);
        assert_eq!(end_of_loop(&[5, 5, 5, 5, 1]), None);
    }

    #[test]
    fn descriptions_of_sounds_are_dropped() {
        for nothing in
            ["[BLANK_AUDIO]", " (music)", "♪", "♪ la la ♪", "[Music] (upbeat music)", "*sighs*", "...", " - "]
        {
            assert_eq!(without_annotations(nothing), "", "{nothing}");
        }
        assert_eq!(without_annotations(" Well, (laughs) I think so. [noise]"), "Well, I think so.");
        assert_eq!(without_annotations("（音乐）你好"), "你好");
    }

    #[test]
    fn text_is_kept() {
        for text in ["Call (555) 1234.", "Two * three", "It's 5 o'clock.", "an open ( bracket"] {
            assert_eq!(without_annotations(text), text);
        }
    }

    #[test]
    fn the_number_of_tokens_grows_with_the_audio() {
        assert_eq!(most_tokens(0), 10);
        assert_eq!(most_tokens(160_000), 70);
    }
}
