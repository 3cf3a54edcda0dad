//! Whose log line it is, also where a model writes it.

use super::super::*;
use crate::calls::logged::{field, logged, message};
use crate::metrics::Node;
use ringline_providers::ProviderError;

/// Models that fail at everything and say so, as the real ones do.
struct Failing;

impl VoiceActivity for Failing {
    fn frame_len(&self) -> usize {
        CHUNK
    }

    fn predict(&mut self, _frame: &[f32]) -> f32 {
        tracing::error!("no voice activity");
        0.0
    }

    fn reset(&mut self) {}
}

impl Recognizer for Failing {
    fn open(&self, _params: RecognitionParams, _events: mpsc::Sender<RecognitionEvent>) -> Box<dyn Recognition> {
        tracing::error!("no recognition");
        Box::new(Failing)
    }
}

impl Recognition for Failing {
    fn push(&mut self, _audio: &[f32]) {}

    fn transcribe(&mut self, _revision: u32) {
        tracing::error!("no text");
    }
}

#[async_trait::async_trait]
impl EndOfTurn for Failing {
    async fn probability(&self, _audio: Arc<[f32]>, _text: &str) -> Result<f32, ProviderError> {
        Err(ProviderError { message: "nothing works".to_owned(), retryable: false })
    }
}

fn senses(call: &str) -> Box<Senses> {
    Box::new(Senses {
        instance: InstanceId::parse(call).expect("an id"),
        voice_activity: Box::new(Failing),
        recognizer: Arc::new(Failing),
        end_of_turn: Arc::new(Failing),
        embedder: None,
        params: RecognitionParams::default(),
        meter: ProviderMeter::new(Node::Recognition, "failing"),
        vad_level: 11,
    })
}

#[test]
fn what_fails_in_the_ears_is_logged_with_its_call_and_utterance() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (queue, inbox) = sync_channel(64);
    let (events, _heard) = mpsc::channel(64);
    let tell = |message| queue.send(message).expect("there is room");
    // Two calls on one thread, whose messages take turns.
    for (ear, call) in [(1, "first"), (2, "second")] {
        tell(Message::Open { ear, senses: senses(call), events: events.clone(), clock: CallClock::start() });
    }
    for ear in [1, 2, 1] {
        tell(Message::Audio { ear, at: CallTime::ZERO, len: CHUNK as u16, pcm: [0.0; CHUNK] });
    }
    for (ear, utterance) in [(2, UtteranceId(7)), (1, UtteranceId(3))] {
        tell(Message::OpenUtterance { ear, utterance, from: CallTime::ZERO });
        tell(Message::Transcribe { ear, utterance, revision: 1 });
        tell(Message::Score { ear, utterance, revision: 1 });
    }
    drop(queue);
    let lines = logged(|| {
        listen(&inbox, &AtomicUsize::new(64), runtime.handle());
        runtime.block_on(async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
    });
    let found: Vec<_> =
        lines.iter().map(|line| (message(line), field(line, "call.id"), field(line, "utterance.id"))).collect();
    let expected = [
        ("no voice activity", Some("first"), None),
        ("no voice activity", Some("second"), None),
        ("no voice activity", Some("first"), None),
        ("no recognition", Some("second"), Some("7")),
        ("no text", Some("second"), Some("7")),
        ("no recognition", Some("first"), Some("3")),
        ("no text", Some("first"), Some("3")),
        ("the end-of-turn model failed", Some("second"), Some("7")),
        ("the end-of-turn model failed", Some("first"), Some("3")),
    ];
    assert_eq!(found, expected);
}
