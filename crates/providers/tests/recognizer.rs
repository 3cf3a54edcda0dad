//! Recognisers: the suite, and what Whisper makes of real speech.
#![allow(clippy::unwrap_used)]

mod recordings;

use ringline_providers::scripted::{Script, ScriptedFamily};
use ringline_providers::suite::recognizer::{self, Examination};
use std::time::Duration;
use tokio::runtime::Handle;

#[tokio::test(start_paused = true)]
async fn the_scripted_recognizer_passes_the_suite() {
    let call = ScriptedFamily::new(Script::default(), Handle::current()).call();
    let speech = [0.1; 48_000];
    let examination = Examination { speech: &speech, patience: Duration::from_secs(60), repeats_itself: false };
    recognizer::examine(&*call.recognizer, examination).await;
}

#[cfg(feature = "local")]
mod whisper {
    use super::*;
    use recordings::Recording;
    use ringline_providers::local::{Whisper, WhisperConfig};
    use ringline_providers::suite::models_for_tests;
    use ringline_providers::suite::recognizer::{answer, open, push, recognise};
    use ringline_providers::{RecognitionEvent, RecognitionParams, Recognizer};
    use std::time::Instant;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn load(config: WhisperConfig) -> Option<Whisper> {
        let names = ["whisper-encoder", "whisper-decoder", "whisper-tokenizer", "onnxruntime"];
        let store = models_for_tests(&names)?;
        let began = Instant::now();
        let whisper = Whisper::load(&store, config).unwrap();
        println!("loaded in {:?}", began.elapsed());
        Some(whisper)
    }

    fn english() -> WhisperConfig {
        WhisperConfig { language: Some("en".to_owned()), ..WhisperConfig::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whisper_passes_the_suite() {
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(english())) else { return };
        let examination = Examination { speech: &recordings[1].audio, patience: PATIENCE, repeats_itself: true };
        recognizer::examine(&whisper, examination).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_workers_pass_the_suite() {
        let two = WhisperConfig { workers: 2, ..english() };
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(two)) else { return };
        let examination = Examination { speech: &recordings[1].audio, patience: PATIENCE, repeats_itself: true };
        recognizer::examine(&whisper, examination).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn real_speech_is_understood() {
        let (Some(recordings), Some(whisper)) = (recordings::all(), load(english())) else { return };
        let wer = word_error_rate(&whisper, &recordings).await;
        assert!(wer < 0.2, "{wer}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_language_is_found_when_none_is_given() {
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(WhisperConfig::default())) else {
            return;
        };
        let wer = word_error_rate(&whisper, &recordings).await;
        assert!(wer < 0.2, "{wer}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn interim_texts_come_while_the_speaker_goes_on_and_foretell_the_final_one() {
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(english())) else { return };
        let recording = &recordings[0];
        let (mut utterance, mut events) = open(&whisper, 64);
        let mut interims = Vec::new();
        for piece in recording.audio.chunks(8_000) {
            push(&mut *utterance, piece);
            // As fast as the machine allows, one run per half second of audio.
            if let Ok(Some(RecognitionEvent::Interim { text })) =
                tokio::time::timeout(Duration::from_millis(500), events.recv()).await
            {
                println!("{text}");
                interims.push(text);
            }
        }
        utterance.transcribe(1);
        let text = answer(&mut events).await.1.unwrap();
        let text = words(&text);
        assert!(interims.len() >= 4, "{interims:?}");
        let right: usize = interims.iter().map(|interim| common_prefix(&words(interim), &text)).sum();
        let all: usize = interims.iter().map(|interim| words(interim).len()).sum();
        println!("{right} of {all} interim words were right");
        assert!(right * 10 >= all * 8, "{right} of {all} interim words are in the final text {text:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_utterance_longer_than_the_models_window_is_understood_whole() {
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(english())) else { return };
        let mut audio = Vec::new();
        let mut transcript = String::new();
        for recording in recordings.iter().chain(&recordings) {
            audio.extend(recordings::followed_by_silence(&recording.audio, 300));
            transcript = format!("{transcript} {}", recording.transcript);
        }
        let long = Recording { name: format!("{} s", audio.len() / 16_000), audio, transcript };
        assert!(long.audio.len() > 50 * 16_000);
        let wer = word_error_rate(&whisper, std::slice::from_ref(&long)).await;
        assert!(wer < 0.2, "{wer}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_speech_has_no_text() {
        let Some(whisper) = load(english()) else { return };
        let mut noise = noise();
        let hiss: Vec<f32> = (0..48_000).map(|_| noise(0.05)).collect();
        let silence = vec![0.0; 48_000];
        let clicks: Vec<f32> = (0..48_000).map(|i| if i % 8_000 < 20 { noise(1.0) } else { 0.0 }).collect();
        for (name, audio) in [("hiss", hiss), ("silence", silence), ("clicks", clicks)] {
            let text = recognise(&whisper, &audio, PATIENCE).await;
            assert_eq!(text, "", "{name}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_callers_language_goes_before_the_configured_one() {
        let (Some(recordings), Some(whisper)) = (recordings::librivox(), load(english())) else { return };
        let chinese = RecognitionParams { language: Some("zh_mandarin".to_owned()), ..RecognitionParams::default() };
        let text = text_with(&whisper, chinese, &recordings[1].audio).await;
        assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "not written in Chinese: {text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_only_expected_does_not_bring_itself_in() {
        let (Some(recordings), Some(whisper)) = (recordings::all(), load(english())) else { return };
        let told = ["Okay", "Yeah", "Right", "Uh huh", "I see", "Mm hmm"].map(str::to_owned).to_vec();
        let hot = RecognitionParams { hot_words: told.clone(), ..RecognitionParams::default() };
        let expected = RecognitionParams { expected: told, ..RecognitionParams::default() };
        let mut noise = noise();
        // 0.6 s out of the middle of "eight of spades four of clubs".
        let cards = recordings.iter().find(|recording| recording.name == "005").unwrap();
        let part: Vec<f32> = cards.audio[16_000..25_600].iter().map(|sample| sample + noise(0.05)).collect();
        let part = recordings::followed_by_silence(&part, 300);
        let mut texts = Vec::new();
        for params in [RecognitionParams::default(), hot, expected] {
            texts.push(text_with(&whisper, params, &part).await);
        }
        println!("{texts:?}");
        assert_eq!(words(&texts[1]), ["i", "see"], "hot words do: {texts:?}");
        assert_eq!(texts[2], texts[0]);
    }

    async fn text_with(whisper: &Whisper, params: RecognitionParams, audio: &[f32]) -> String {
        let (events, mut receiver) = tokio::sync::mpsc::channel(64);
        let mut utterance = whisper.open(params, events);
        push(&mut *utterance, audio);
        utterance.transcribe(1);
        answer(&mut receiver).await.1.unwrap()
    }

    /// Samples of noise, peak to peak `level`; always the same.
    fn noise() -> impl FnMut(f32) -> f32 {
        let mut state = 7u32;
        move |level| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1u32 << 24) as f32 - 0.5) * level
        }
    }

    async fn word_error_rate(whisper: &Whisper, recordings: &[Recording]) -> f64 {
        let (mut errors, mut total, mut took, mut samples) = (0, 0, Duration::ZERO, 0);
        for recording in recordings {
            // Pushed at once, so the time is that of a final text with nothing known before it.
            let (mut utterance, mut events) = open(whisper, 64);
            utterance.push(&recording.audio);
            let began = Instant::now();
            utterance.transcribe(1);
            let text = answer(&mut events).await.1.unwrap();
            let each = began.elapsed();
            let (heard, said) = (words(&text), words(&recording.transcript));
            let wrong = distance(&heard, &said);
            println!("{}: {wrong} wrong of {}, {each:?}: {text}", recording.name, said.len());
            errors += wrong;
            total += said.len();
            took += each;
            samples += recording.audio.len();
        }
        let wer = errors as f64 / total as f64;
        println!(
            "word error rate {wer:.3}; {:?} an utterance; {:.3} of the audio's length",
            took / recordings.len() as u32,
            took.as_secs_f64() / (samples as f64 / 16_000.0)
        );
        wer
    }

    /// Lower case, without punctuation, numbers up to ten in words.
    fn words(text: &str) -> Vec<String> {
        const NUMBERS: [&str; 11] =
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let text = text.to_lowercase().replace("mr.", "mister").replace(['-', ','], " ");
        let plain = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let spelled = |word: String| match word.parse::<usize>() {
            Ok(n) if n < NUMBERS.len() => NUMBERS[n].to_owned(),
            Ok(_) | Err(_) => word,
        };
        text.split_whitespace().map(plain).filter(|word| !word.is_empty()).map(spelled).collect()
    }

    fn common_prefix(a: &[String], b: &[String]) -> usize {
        a.iter().zip(b).take_while(|(a, b)| a == b).count()
    }

    /// Insertions, deletions and substitutions that make `a` into `b`.
    fn distance(a: &[String], b: &[String]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, word) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, other) in b.iter().enumerate() {
                let cost = if word == other { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
                diagonal = row[j + 1];
                row[j + 1] = cost;
            }
        }
        row[b.len()]
    }
}
