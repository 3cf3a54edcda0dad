//! Whatever happens in whatever order: no panic, deadlines make progress, the end is the end, same in is same out,
//! and every response is over before the next begins.

mod support;

use proptest::prelude::*;
use ringline_conversation::{
    AgentState, ClientCommand, Conversation, Input, JournalEntry, Message, Output, Role, Setup, Step, StopCause,
    TakeoverMode, replay,
};
use ringline_model::{
    AgentConfig, BackChannel, Brackets, BuiltIn, CallTime, ClipId, LlmPendingConfig, MappedFunction, NoInterruptMode,
    Phrase, PhraseOrder, ResponseId, SegmentId, ToolCall, TurnDetectionMode, UserId, UserIdleConfig, UtteranceId,
};
use std::collections::BTreeSet;

const TEXTS: &[&str] = &[
    "",
    " ",
    "Yes. No, maybe, I do not know what to say about that, sorry",
    "stop it",
    "mm-hm",
    "今天天气很好，我们去公园吧。好吗？",
    "```\ncode\n``` 1. one\n2. two\n",
    "Dr. Smith paid 3.14 at 9:30. \u{1F600}",
    "a.b.c.d.e.f.g.h. \n\n\n, , ,",
    "Wait. <No Interrupting>I say this.",
    "So long. <imsagent_hangup endword=\"Bye.\"/> x",
    "<imsagent_transfer_call err_msg=No/>",
    "Oh. <ringline_emotion value=sad/>I am sorry, <ringline_emotion value=x/>really.",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(TEXTS).prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => Just("word. ".repeat(800)),
    ]
}

/// How far in the past a voice event lies, or an id lies from the newest: mostly near.
fn back() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0u64), 2 => 1u64..3, 1 => 3u64..10]
}

#[derive(Clone, Debug)]
struct Act {
    wait_ms: u64,
    /// The edge is busy and skips the deadlines on the way.
    late: bool,
    back: u64,
    what: What,
}

/// An input whose ids are counted back from the newest ones seen, so that most of them hit.
#[derive(Clone, Debug)]
enum What {
    Joined,
    Left,
    Started,
    Paused,
    Resumed,
    Interim(String),
    Transcript(String, u32),
    TranscriptFailed(u32),
    Score(f32),
    Text(String),
    Finished,
    Failed,
    Calls(usize),
    Tool(bool),
    Audio,
    Synthesised(u32),
    SegmentFailed,
    Plays,
    Played,
    Stopped(Option<u64>, u32),
    Client(ClientCommand),
    Stop(StopCause),
    TakeoverEnded,
    Say(String, bool),
    SayAudio(String, bool),
    ClipReady(u32),
    ClipFailed,
    Takeover(TakeoverMode),
    HumanConnected,
    TakeoverCancelled,
    Config(Box<AgentConfig>),
    Nothing,
}

fn command() -> impl Strategy<Value = ClientCommand> {
    prop_oneof![
        4 => Just(ClientCommand::InterruptSpeaking),
        2 => any::<bool>().prop_map(|enable| ClientCommand::EnableVoiceInterrupt { enable }),
        4 => text().prop_map(|text| ClientCommand::SendText { text }),
        1 => any::<bool>().prop_map(|enable| ClientCommand::EnablePushToTalk { enable }),
        8 => Just(ClientCommand::StartPushToTalk),
        6 => Just(ClientCommand::FinishPushToTalk),
        2 => Just(ClientCommand::CancelPushToTalk),
        1 => Just(ClientCommand::QueryState),
        1 => text().prop_map(|prompt| ClientCommand::UpdateSystemPrompt { prompt }),
        1 => any::<u32>().prop_map(|ms| ClientCommand::UpdateMaxSilence { ms }),
        1 => text().prop_map(|voice| ClientCommand::SwitchVoice { voice }),
        1 => any::<f64>().prop_map(|rate| ClientCommand::UpdateSpeechRate { rate }),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let voice = prop_oneof![
        3 => Just(What::Started),
        4 => Just(What::Paused),
        2 => Just(What::Resumed),
        2 => text().prop_map(What::Interim),
        8 => (text(), prop_oneof![5 => Just(0u32), 1 => 1u32..3]).prop_map(|(text, back)| What::Transcript(text, back)),
        1 => (0u32..2).prop_map(What::TranscriptFailed),
        2 => any::<f32>().prop_map(What::Score),
    ];
    let answer = prop_oneof![
        6 => text().prop_map(What::Text),
        3 => Just(What::Finished),
        1 => Just(What::Failed),
        1 => (1usize..3).prop_map(What::Calls),
        2 => any::<bool>().prop_map(What::Tool),
        3 => Just(What::Audio),
        3 => (0u32..9000).prop_map(What::Synthesised),
        1 => any::<u32>().prop_map(What::Synthesised),
        1 => Just(What::SegmentFailed),
        6 => Just(What::Plays),
        6 => Just(What::Played),
        3 => (proptest::option::of(0u64..3), 0u32..5000).prop_map(|(back, ms)| What::Stopped(back, ms)),
    ];
    let rest = prop_oneof![
        2 => Just(What::Joined),
        1 => Just(What::Left),
        3 => command().prop_map(What::Client),
        2 => (text(), any::<bool>()).prop_map(|(text, now)| What::Say(text, now)),
        1 => config().prop_map(|config| What::Config(Box::new(config))),
        2 => (text(), any::<bool>()).prop_map(|(url, now)| What::SayAudio(url, now)),
        3 => prop_oneof![4 => 0u32..9000, 1 => any::<u32>()].prop_map(What::ClipReady),
        1 => Just(What::ClipFailed),
        1 => prop_oneof![Just(TakeoverMode::AgentVoice), Just(TakeoverMode::HumanVoice)].prop_map(What::Takeover),
        1 => Just(What::HumanConnected),
        2 => Just(What::TakeoverCancelled),
        2 => Just(What::Nothing),
    ];
    let end = prop_oneof![
        Just(What::Stop(StopCause::Api)),
        Just(What::Client(ClientCommand::StopAgent)),
        Just(What::TakeoverEnded)
    ];
    prop_oneof![40 => voice, 40 => answer, 12 => rest, 1 => end]
}

fn act() -> impl Strategy<Value = Act> {
    let wait = prop_oneof![30 => 0u64..300, 12 => 300u64..1500, 1 => 1500u64..40_000];
    let late = proptest::bool::weighted(0.2);
    (wait, late, back(), what()).prop_map(|(wait_ms, late, back, what)| Act { wait_ms, late, back, what })
}

fn config() -> impl Strategy<Value = AgentConfig> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (200u32..1200, prop_oneof![Just(0u32), 200u32..2000], proptest::option::of(0u32..10_000), 0u32..60);
    (flags, numbers, text()).prop_map(|(flags, numbers, greeting)| {
        let mut config =
            AgentConfig { greeting: Some(greeting), user_offline_timeout: numbers.3, ..Default::default() };
        (config.graceful_shutdown, config.llm.complete_reply, config.llm.history_sync_with_tts) =
            (flags.0, flags.1, flags.2);
        config.interrupt.enable_voice_interrupt = flags.3;
        config.interrupt.no_interrupt_mode = if flags.4 { NoInterruptMode::Cache } else { NoInterruptMode::Discard };
        (config.asr.vad_level, config.interrupt.resume) = (numbers.0 % 12, flags.0);
        config.interrupt.words = vec!["stop".to_owned()];
        config.turn_detection.end_words = vec!["over".to_owned()];
        config.back_channels =
            vec![BackChannel { probability: 0.5, words: vec![Phrase { text: "mm-hm".to_owned(), probability: 1.0 }] }];
        config.llm.output_min_length = numbers.3;
        config.llm.output_max_delay = if flags.2 { 1000 } else { 0 };
        config.tts.unspoken = vec![Brackets::Round];
        config.intelligent_segment = flags.3;
        config.push_to_talk = numbers.3 % 4 == 0;
        config.pre_connect_audio_url = flags.0.then(|| "http://audio".to_owned());
        config.wake_up_query = flags.1.then(|| "Who is there?".to_owned());
        config.auto_speech.user_idle = flags.2.then(|| UserIdleConfig {
            wait_time: 5000 + numbers.0,
            max_repeats: numbers.3 % 3,
            messages: vec![Phrase { text: "Hello?".to_owned(), probability: 1.0 }],
            hangup_end_word: flags.3.then(|| "Bye.".to_owned()),
        });
        config.llm.function_map = vec![MappedFunction { name: "end_call".into(), function: BuiltIn::HangUp }];
        config.auto_speech.llm_pending = flags.4.then(|| LlmPendingConfig {
            wait_time: 500 + numbers.0,
            mode: if flags.5 { PhraseOrder::Random } else { PhraseOrder::Sequence },
            messages: vec![Phrase { text: "Hm.".to_owned(), probability: 1.0 }],
        });
        config.turn_detection.mode = if flags.5 { TurnDetectionMode::Normal } else { TurnDetectionMode::Semantic };
        config.turn_detection.speculate = flags.2;
        (config.asr.max_silence, config.asr.vad_duration, config.turn_detection.semantic_wait) =
            (numbers.0, numbers.1, numbers.2);
        config
    })
}

/// The newest ids that came out, and what must hold over all outputs.
#[derive(Default)]
struct Watcher {
    utterance: Option<UtteranceId>,
    revision: u32,
    response: ResponseId,
    segments: u64,
    open: Option<UtteranceId>,
    generating: Option<ResponseId>,
    ended: bool,
    cancelled: BTreeSet<ResponseId>,
    /// Asked for, and neither played, forgotten nor failed.
    clips: BTreeSet<ClipId>,
    loaded: BTreeSet<ClipId>,
    clip: ClipId,
    /// The response that is ducked, and whether it is silent.
    ducked: Option<(ResponseId, bool)>,
}

impl Watcher {
    fn see(&mut self, output: &Output) {
        assert!(!self.ended, "{output:?} after the end");
        match output {
            Output::OpenUtterance { utterance, .. } => {
                assert_eq!(self.open, None, "two utterances at once");
                (self.open, self.utterance) = (Some(*utterance), Some(*utterance));
            }
            Output::CloseUtterance { utterance } => {
                assert_eq!(self.open, Some(*utterance));
                self.open = None;
            }
            Output::Transcribe { utterance, revision } => {
                assert_eq!(self.open, Some(*utterance));
                self.revision = *revision;
            }
            Output::ScoreEndOfTurn { utterance, .. }
            | Output::Identify { utterance, .. }
            | Output::LearnVoice { utterance } => assert_eq!(self.open, Some(*utterance)),
            Output::ForgetVoice => {}
            Output::Generate { response, messages, .. } => {
                assert_eq!(self.generating, None, "two generations at once");
                assert!(messages.len() <= 2 + 2 * 128, "a prompt grows without limit");
                let last = messages.last().expect("a question");
                assert!(last.role == Role::User || !last.calls.is_empty());
                (self.generating, self.response) = (Some(*response), *response);
            }
            Output::Synthesise { response, segment, text, rate, .. } => {
                assert!(!self.cancelled.contains(response), "a cancelled response speaks");
                assert!(*response >= self.response, "an older response speaks");
                assert!(self.ducked.is_none_or(|(ducked, _)| ducked == *response), "what is said next is ducked");
                assert!(text.chars().any(char::is_alphanumeric) && text.chars().count() <= 200, "{text:?}");
                assert!((0.5..=2.0).contains(rate));
                assert_eq!(segment.0, self.segments);
                (self.response, self.segments) = (*response, self.segments + 1);
            }
            Output::LoadClip { clip, .. } => {
                assert!(self.clips.insert(*clip) && self.clips.len() <= 17, "clips without limit");
                self.clip = *clip;
            }
            Output::PlayClip { response, segment, clip } => {
                assert!(self.clips.remove(clip), "{clip} is not there to be played");
                assert!(!self.cancelled.contains(response), "a cancelled response plays a clip");
                assert!(*response >= self.response, "an older response plays a clip");
                assert_eq!(segment.0, self.segments);
                (self.response, self.segments) = (*response, self.segments + 1);
            }
            Output::ForgetClip { clip } => assert!(self.clips.remove(clip), "{clip} is not there to be forgotten"),
            Output::RunTool { response, .. } => {
                assert!(!self.cancelled.contains(response), "a cancelled response runs a tool");
                assert_eq!(*response, self.response, "an older response runs a tool");
            }
            Output::CancelResponse { response } => {
                assert!(self.cancelled.insert(*response), "{response} is cancelled twice");
                self.generating = self.generating.filter(|id| id != response);
            }
            Output::StopPlayout { response } => {
                assert!(self.cancelled.contains(response), "playout stops for a response that goes on");
                self.ducked = self.ducked.filter(|(ducked, _)| ducked > response);
            }
            Output::Duck { response } => {
                assert_eq!(self.ducked.replace((*response, false)), None, "ducked twice");
            }
            Output::PausePlayout { response } => {
                // A guess is paused before it begins.
                let before = self.ducked.replace((*response, true));
                assert!(before.is_none_or(|ducked| ducked == (*response, false)), "{before:?} is paused");
            }
            Output::Unduck { response } => {
                assert_eq!(self.ducked.take().map(|(ducked, _)| ducked), Some(*response));
            }
            Output::End { .. } => {
                assert_eq!(self.open, None, "an utterance is left open");
                self.ended = true;
            }
            Output::HandOver { .. } | Output::TakeBack | Output::Notify { .. } | Output::Record { .. } => {}
        }
    }

    fn clip(&self, back: u64) -> ClipId {
        ClipId(self.clip.0.saturating_sub(back))
    }

    fn input(&self, act: &Act, now: CallTime) -> Option<Input> {
        let at = CallTime::from_micros(now.as_micros().saturating_sub(act.back * 40_000));
        let utterance = UtteranceId(self.utterance.unwrap_or_default().0.saturating_sub(act.back));
        let revision = |back: u32| self.revision.saturating_sub(back);
        let response = ResponseId(self.response.0.saturating_sub(act.back));
        let segment = SegmentId(self.segments.saturating_sub(1 + act.back));
        Some(match act.what.clone() {
            What::Joined => Input::UserJoined,
            What::Left => Input::UserLeft,
            What::Started => Input::SpeechStarted { at },
            What::Paused => Input::SpeechPaused { at },
            What::Resumed => Input::SpeechResumed { at },
            What::Interim(text) => Input::InterimTranscript { utterance, text },
            What::Transcript(text, back) => Input::Transcript { utterance, revision: revision(back), text },
            What::TranscriptFailed(back) => {
                Input::TranscriptFailed { utterance, revision: revision(back), error: "down".into() }
            }
            What::Score(probability) => Input::EndOfTurn { utterance, revision: self.revision, probability },
            What::Text(text) => Input::ResponseText { response, text },
            What::Finished => Input::ResponseFinished { response },
            What::Failed => Input::ResponseFailed { response, error: "down".into() },
            What::Calls(count) => {
                let names = ["weather", "end_call"];
                let call = |n: usize| ToolCall { id: n.to_string(), name: names[n % 2].into(), ..ToolCall::default() };
                Input::ResponseToolCalls { response, calls: (0..count).map(call).collect() }
            }
            What::Tool(true) => Input::ToolFinished { response, call: act.back.to_string(), result: "ok".into() },
            What::Tool(false) => Input::ToolFailed { response, call: act.back.to_string(), error: "down".into() },
            What::Audio => Input::SegmentAudioReady { segment },
            What::Synthesised(duration_ms) => Input::SegmentSynthesised { segment, duration_ms },
            What::SegmentFailed => Input::SegmentFailed { segment, error: "down".into() },
            What::Plays => Input::SegmentPlayoutStarted { segment },
            What::Played => Input::SegmentPlayoutFinished { segment },
            What::Stopped(back, played_ms) => {
                let segment = back.map(|back| SegmentId(self.segments.saturating_sub(1 + back)));
                Input::PlayoutStopped { response, segment, played_ms }
            }
            What::Client(command) => Input::Client { command },
            What::SayAudio(url, interrupt) => Input::SayAudio { url, interrupt },
            What::ClipReady(duration_ms) => Input::ClipReady { clip: self.clip(act.back), duration_ms },
            What::ClipFailed => Input::ClipFailed { clip: self.clip(act.back), error: "down".into() },
            What::Takeover(mode) => Input::TakeoverStarted { human: UserId::parse("human").expect("an id"), mode },
            What::HumanConnected => Input::TakeoverConnected,
            What::TakeoverCancelled => Input::TakeoverCancelled,
            What::TakeoverEnded => Input::TakeoverEnded,
            What::Stop(cause) => Input::Stop { cause },
            What::Say(text, interrupt) => Input::Say { text, interrupt },
            What::Config(config) => Input::ConfigChanged { config },
            What::Nothing => return None,
        })
    }
}

/// Runs a script; returns the journal.
fn run(setup: &Setup, acts: &[Act]) -> Vec<JournalEntry> {
    let mut conversation = Conversation::new(setup.clone());
    let (mut watcher, mut journal, mut now) = (Watcher::default(), Vec::new(), CallTime::ZERO);
    let mut step = |conversation: &mut Conversation, watcher: &mut Watcher, at, step| {
        let entry = JournalEntry::record(conversation, at, step);
        // What comes of the end of a generation may be the next one.
        if let Step::Input(Input::ResponseFinished { response } | Input::ResponseFailed { response, .. }) = &entry.step
            && watcher.generating == Some(*response)
        {
            watcher.generating = None;
        }
        entry.outputs.iter().for_each(|output| watcher.see(output));
        match conversation.poll_timeout() {
            Some(next) => assert!(next > at && !watcher.ended, "at {at} the next deadline is {next}"),
            None => assert!(watcher.ended, "no deadline at {at}"),
        }
        if watcher.generating.is_some() {
            let state = conversation.state();
            assert!(matches!(state, AgentState::Thinking | AgentState::Speaking | AgentState::Listening));
        }
        // What is said of a clip after it was there counts for nothing.
        if let Step::Input(Input::ClipReady { clip, .. }) = &entry.step {
            watcher.loaded.insert(*clip);
        }
        if let Step::Input(Input::ClipFailed { clip, .. }) = &entry.step
            && !watcher.loaded.contains(clip)
        {
            watcher.clips.remove(clip);
        }
        assert!(conversation.history().len() <= 128);
        journal.push(entry);
    };
    step(&mut conversation, &mut watcher, now, Step::Timeout);
    for act in acts {
        let until = CallTime::from_micros(now.as_micros() + act.wait_ms * 1000);
        while let Some(due) = conversation.poll_timeout().filter(|due| *due <= until && !act.late) {
            step(&mut conversation, &mut watcher, due, Step::Timeout);
        }
        now = until;
        if act.late && conversation.poll_timeout().is_some_and(|due| due <= now) {
            step(&mut conversation, &mut watcher, now, Step::Timeout);
        }
        if let Some(input) = watcher.input(act, now) {
            step(&mut conversation, &mut watcher, now, Step::Input(input));
        }
    }
    // Left alone, every conversation ends.
    let mut steps = 0;
    while let Some(due) = conversation.poll_timeout() {
        step(&mut conversation, &mut watcher, due, Step::Timeout);
        steps += 1;
        assert!(steps < 2000, "the conversation does not end by itself");
    }
    assert!(watcher.ended);
    journal
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_in_any_order_are_survived(
        config in config(),
        joined in proptest::bool::weighted(0.9),
        mut acts in proptest::collection::vec(act(), 0..200),
    ) {
        if joined {
            acts.insert(0, Act { wait_ms: 100, late: false, back: 0, what: What::Joined });
        }
        let setup = Setup { config, history: vec![Message::new(Role::User, "earlier")], seed: 1 };
        let journal = run(&setup, &acts);
        prop_assert_eq!(&run(&setup, &acts), &journal);
        let count = journal.len();
        prop_assert_eq!(replay(setup, journal), Ok(count));
    }
}
