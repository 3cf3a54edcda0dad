//! `ringline-bench script`: lines for the server's scripted providers, so long that the agent has its share of the time, with
//! the delays of each stage stated.
//!
//! Every answer begins with the same clause ([`OPENING`]), which the server gives to synthesis as soon as the word behind it has come: so
//! what the providers account for of a response's latency is known ([`accounted`]).

use crate::calls::speech::Speech;
use anyhow::Context;
use clap::Args;
use ringline_providers::scripted::{AtEnd, Script, ScriptTurn, Timing};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// First clause of every answer: three words and a comma are enough for a first piece of speech.
const OPENING: &str = "Let me see now,";
/// What follows, as much of it as is needed.
const REST: &str = "the lighthouse keeper wrote down every ship that passed for thirty years and nobody had asked for it \
                    until a storm took the books of the harbour and the notebook was the only record left so that the whole \
                    town came up the hill to read it and stayed there until the lamp was lit again in the evening";
/// Answers in the script.
const ANSWERS: usize = 8;

#[derive(Args)]
pub struct Options {
    /// The same files as for `calls`: their turns' mean length is what the agent's share is measured by.
    #[arg(long = "wav", value_name = "FILE", required = true)]
    wavs: Vec<PathBuf>,
    /// The user's share of the time, in percent.
    #[arg(long, default_value_t = 35, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(5..=90))]
    user_share: u8,
    /// The agent's.
    #[arg(long, default_value_t = 45, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(5..=90))]
    agent_share: u8,
    /// From the request for an utterance's text (at a pause in speech) to the text, in ms.
    #[arg(long, default_value_t = 150, value_name = "MS")]
    asr_final: u64,
    /// In ms.
    #[arg(long, default_value_t = 250, value_name = "MS")]
    llm_first_token: u64,
    #[arg(long, default_value_t = 60.0, value_name = "N")]
    tokens_per_second: f64,
    /// In ms.
    #[arg(long, default_value_t = 100, value_name = "MS")]
    tts_first_audio: u64,
    /// Time to deliver one second of speech, in s.
    #[arg(long, default_value_t = 0.1, value_name = "S")]
    tts_real_time_factor: f64,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let speech = Speech::read(&options.wavs, -70)?;
    let timing = Timing {
        asr_final_ms: options.asr_final,
        llm_first_token_ms: options.llm_first_token,
        tokens_per_s: options.tokens_per_second,
        tts_first_audio_ms: options.tts_first_audio,
        tts_real_time_factor: options.tts_real_time_factor,
        ..Timing::default()
    };
    let answer = speech.mean_turn().mul_f64(f64::from(options.agent_share) / f64::from(options.user_share));
    print!("{}", toml::to_string(&script(answer, timing)).context("the script does not serialise")?);
    Ok(ExitCode::SUCCESS)
}

/// A script whose answers last about so long.
fn script(answer: Duration, timing: Timing) -> Script {
    let chars = (answer.as_millis() as u64 / timing.ms_per_char.max(1)) as usize;
    let mut words = REST.split_whitespace().cycle();
    let mut text = OPENING.to_owned();
    while text.len() < chars {
        let word = words.next().expect("the words go round");
        text = format!("{text} {word}");
    }
    text.push('.');
    let turn = |n: usize| ScriptTurn {
        hears: format!("Question {n}, please."),
        answers: text.clone(),
        calls: Vec::new(),
        trouble: None,
    };
    Script { turns: (1..=ANSWERS).map(turn).collect(), at_end: AtEnd::Repeat, fallback: text.clone(), timing }
}

/// What the providers account for between a decided turn and the first sample, in µs: the first token, the words up to the one that
/// shows that the first clause has ended, the first audio.
pub fn accounted(timing: &Timing) -> i64 {
    let words = OPENING.split_whitespace().count() as f64;
    let tokens = words / timing.tokens_per_s;
    (timing.llm_first_token_ms + timing.tts_first_audio_ms) as i64 * 1000 + (tokens * 1e6) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_last_as_long_as_asked_and_can_be_read_again() {
        let script = script(Duration::from_secs(4), Timing::default());
        let text = toml::to_string(&script).expect("serialises");
        assert_eq!(Script::from_toml(&text).expect("valid"), script);
        let length = script.turns[0].answers.len() as u64 * script.timing.ms_per_char;
        assert!((4_000..4_600).contains(&length), "{length}");
    }

    #[test]
    fn the_stated_delays_account_for_417_ms() {
        assert_eq!(accounted(&Timing::default()) / 1000, 416);
    }
}
