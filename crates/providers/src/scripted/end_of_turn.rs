//! End of turn by the last word alone.

use crate::{EndOfTurn, ProviderError};
use std::sync::Arc;

/// Certain that the turn is over, unless the text so far ends with a comma or with "and".
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptedEndOfTurn;

#[async_trait::async_trait]
impl EndOfTurn for ScriptedEndOfTurn {
    async fn probability(&self, _audio: Arc<[f32]>, text: &str) -> Result<f32, ProviderError> {
        let text = text.trim_end();
        let last_word = text.split_whitespace().next_back().unwrap_or_default();
        let goes_on = text.ends_with([',', '，']) || last_word.eq_ignore_ascii_case("and");
        Ok(if goes_on { 0.1 } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_comma_or_and_holds_the_turn_open() {
        let audio: Arc<[f32]> = Arc::new([]);
        for (text, ended) in [
            ("I'd like tea, ", false),
            ("tea and", false),
            ("AND ", false),
            ("a brand", true),
            ("Tea.", true),
            ("", true),
        ] {
            let p = ScriptedEndOfTurn.probability(audio.clone(), text).await.expect("cannot fail");
            assert_eq!(p > 0.5, ended, "{text:?}");
        }
    }
}
