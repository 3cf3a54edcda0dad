//! Which part of a cached conversation serves the next prompt.
//!
//! A prompt usually continues what its slot holds: then their common beginning is kept. When the history has lost its
//! oldest turns in between, the turns after the gap are still in the cache, only at later positions; they are moved.

/// Moving a run this short is not worth its loss of exactness (its attention has seen the turns that are gone).
const SHORTEST_RUN: usize = 24;

/// What to keep of the cached tokens. Everything else is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// The first tokens, at their place.
    pub(super) prefix: usize,
    /// Tokens `start..start + length` of the cache, moved to follow the prefix.
    pub(super) moved: Option<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) length: usize,
}

impl Kept {
    /// Tokens of the prompt that need not be evaluated.
    pub(super) fn tokens(&self) -> usize {
        self.prefix + self.moved.map_or(0, |run| run.length)
    }
}

/// `movable_from`: tokens before it must not be moved (they are shared with other slots); `None`: none may.
///
/// At least one token of the prompt is always left to evaluate, for its logits.
pub(super) fn plan<T: PartialEq>(cached: &[T], prompt: &[T], movable_from: Option<usize>) -> Kept {
    let usable = &prompt[..prompt.len().saturating_sub(1)];
    let prefix = common_prefix(cached, usable);
    let wanted = &usable[prefix..];
    let moved = movable_from.and_then(|from| {
        let starts = from.max(prefix + 1)..cached.len();
        let runs = starts.map(|start| Run { start, length: common_prefix(&cached[start..], wanted) });
        // Of equally long runs the earliest, so that the same history always takes the same one.
        runs.max_by_key(|run| (run.length, std::cmp::Reverse(run.start)))
    });
    Kept { prefix, moved: moved.filter(|run| run.length >= SHORTEST_RUN) }
}

pub(super) fn common_prefix<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens<const N: usize>(ranges: [std::ops::Range<u32>; N]) -> Vec<u32> {
        ranges.into_iter().flatten().collect()
    }

    fn first(n: u32) -> Vec<u32> {
        (0..n).collect()
    }

    #[test]
    fn the_common_beginning_is_kept_and_one_token_left_to_evaluate() {
        let history = first(100);
        assert_eq!(plan(&history, &first(120), Some(0)), Kept { prefix: 100, moved: None });
        assert_eq!(plan(&history, &tokens([0..60, 500..510]), Some(0)).prefix, 60);
        assert_eq!(plan(&history, &history, Some(0)), Kept { prefix: 99, moved: None });
        assert_eq!(plan(&history, &[], Some(0)), Kept::default());
        assert_eq!(plan(&[], &history, Some(0)), Kept::default());
    }

    #[test]
    fn turns_after_a_dropped_one_are_moved_up() {
        let cached = first(200);
        let prompt = tokens([0..50, 100..200, 300..310]);
        let kept = plan(&cached, &prompt, Some(50));
        assert_eq!(kept, Kept { prefix: 50, moved: Some(Run { start: 100, length: 100 }) });
        assert_eq!(kept.tokens(), 150);
    }

    #[test]
    fn shared_tokens_and_short_runs_stay_where_they_are() {
        let cached = first(200);
        let prompt = tokens([0..50, 100..200, 300..310]);
        assert_eq!(plan(&cached, &prompt, None).moved, None);
        assert_eq!(plan(&cached, &prompt, Some(150)).moved, None);
        let short = tokens([0..50, 180..200, 300..310]);
        assert_eq!(plan(&cached, &short, Some(0)).moved, None);
    }
}
