//! The harness: a script on virtual time against a conversation, and the timeline it brings forth, one line per output.
//!
//! Every step asserts the progress rule. A call that is dropped with lines nobody has asked for fails the test: nothing
//! more may come out than the test says.

#![allow(dead_code, reason = "each test file uses its part of the harness")]

use ringline_conversation::{
    AgentState, ClientCommand, Conversation, Event, Input, JournalEntry, Message, Notice, Output, Role, Setup, Speaker,
    Step, TakeoverMode, replay,
};
use ringline_model::{AgentConfig, CallTime, ClipId, ResponseId, SegmentId, ToolCall, UserId, UtteranceId};

pub const fn ms(ms: u64) -> CallTime {
    CallTime::from_millis(ms)
}

pub struct Call {
    pub conversation: Conversation,
    setup: Setup,
    now: u64,
    journal: Vec<JournalEntry>,
    lines: Vec<String>,
    /// Whether milestones are in the timeline; most tests are not about them.
    milestones: bool,
    over: bool,
}

/// A configuration with changes. With this `VadLevel` 0.7 s of speech stop the agent, which leaves scripts short.
pub fn config(change: impl FnOnce(&mut AgentConfig)) -> AgentConfig {
    let mut config = AgentConfig::default();
    config.llm.system_prompt = Some("P".to_owned());
    config.asr.vad_level = 6;
    change(&mut config);
    config
}

/// Any speech over the agent stops it at once, for good: for tests of what comes after a stop.
pub fn at_once(config: &mut AgentConfig) {
    config.asr.vad_level = 0;
    config.interrupt.resume = false;
}

impl Call {
    /// A call at time zero, its first step done.
    pub fn new(config: AgentConfig) -> Self {
        Self::with_history(config, Vec::new())
    }

    pub fn with_history(config: AgentConfig, history: Vec<Message>) -> Self {
        Self::set_up(Setup { config, history, seed: 1 })
    }

    /// A call whose chance is this one's.
    pub fn seeded(config: AgentConfig, seed: u64) -> Self {
        Self::set_up(Setup { config, history: Vec::new(), seed })
    }

    fn set_up(setup: Setup) -> Self {
        let conversation = Conversation::new(setup.clone());
        assert_eq!(conversation.poll_timeout(), Some(CallTime::ZERO), "the first step is due at once");
        let mut call = Self {
            conversation,
            setup,
            now: 0,
            journal: Vec::new(),
            lines: Vec::new(),
            milestones: false,
            over: false,
        };
        call.step(Step::Timeout, 0);
        call
    }

    /// A call without greeting whose user has just joined, at time zero.
    pub fn joined(config: AgentConfig) -> Self {
        let mut call = Self::new(config);
        call.input(Input::UserJoined);
        call.expect(&["0.000s record session started", "0.000s state Listening"]);
        call
    }

    /// From now on the timeline has milestones.
    pub fn with_milestones(mut self) -> Self {
        self.milestones = true;
        self
    }

    /// Lets time pass until `at` (in ms), doing what is due on the way.
    pub fn at(&mut self, at: u64) -> &mut Self {
        assert!(at >= self.now, "the script goes back in time");
        while let Some(due) = self.conversation.poll_timeout().filter(|due| *due <= ms(at)) {
            self.step(Step::Timeout, due.as_millis());
        }
        self.now = at;
        self
    }

    /// Lets time pass and does what became due in one step at the end, as a busy edge would.
    pub fn late(&mut self, at: u64) -> &mut Self {
        self.now = at;
        self.step(Step::Timeout, at);
        self
    }

    pub fn after(&mut self, by: u64) -> &mut Self {
        self.at(self.now + by)
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn input(&mut self, input: Input) -> &mut Self {
        self.step(Step::Input(input), self.now);
        self
    }

    fn step(&mut self, step: Step, at: u64) {
        let entry = JournalEntry::record(&mut self.conversation, ms(at), step);
        for output in &entry.outputs {
            assert!(!self.over, "{output:?} came after the end");
            self.over = matches!(output, Output::End { .. });
            let is_milestone = matches!(output, Output::Record { event: Event::Milestone { .. } });
            if self.milestones || !is_milestone {
                self.lines.push(format!("{} {}", ms(at), line(output)));
            }
        }
        self.journal.push(entry);
        match self.conversation.poll_timeout() {
            Some(next) => assert!(next > ms(at) && !self.over, "at {} the next deadline is {next}", ms(at)),
            None => assert!(self.over, "no deadline, and not over"),
        }
    }

    /// Exactly these lines came since the last time this was asked.
    #[track_caller]
    pub fn expect(&mut self, lines: &[&str]) -> &mut Self {
        let got = std::mem::take(&mut self.lines);
        assert_eq!(got, lines, "\ngot:\n{}\n", got.join("\n"));
        self
    }

    #[track_caller]
    pub fn expect_nothing(&mut self) -> &mut Self {
        self.expect(&[])
    }

    /// Drops what came so far: another test is about it.
    pub fn skip(&mut self) -> &mut Self {
        self.lines.clear();
        self
    }

    /// Takes what came so far.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    pub fn journal(&self) -> (Setup, Vec<JournalEntry>) {
        (self.setup.clone(), self.journal.clone())
    }

    pub fn state(&self) -> AgentState {
        self.conversation.state()
    }

    pub fn history(&self) -> Vec<String> {
        self.conversation.history().iter().map(message).collect()
    }

    // What the user does.

    pub fn speech_starts(&mut self) -> &mut Self {
        self.input(Input::SpeechStarted { at: ms(self.now) })
    }

    pub fn speech_pauses(&mut self) -> &mut Self {
        self.input(Input::SpeechPaused { at: ms(self.now) })
    }

    pub fn speech_resumes(&mut self) -> &mut Self {
        self.input(Input::SpeechResumed { at: ms(self.now) })
    }

    pub fn echo_since(&mut self, at: u64) -> &mut Self {
        self.input(Input::SpeechWasEcho { at: ms(at) })
    }

    pub fn client(&mut self, command: ClientCommand) -> &mut Self {
        self.input(Input::Client { command })
    }

    /// A spoken turn from now on: 1 s of speech, the silence that suffices, the transcript in time.
    pub fn user_says(&mut self, utterance: u64, text: &str) -> &mut Self {
        self.speech_starts().after(1000).speech_pauses().after(100).transcript(utterance, 1, text).after(300)
    }

    pub fn takeover(&mut self, mode: TakeoverMode) -> &mut Self {
        self.input(Input::TakeoverStarted { human: UserId::parse("human").expect("an id"), mode })
    }

    pub fn human_says(&mut self, text: &str) -> &mut Self {
        self.input(Input::HumanSaid { text: text.to_owned(), began: ms(self.now) })
    }

    pub fn whisper(&mut self, text: &str) -> &mut Self {
        self.input(Input::Whisper { text: text.to_owned() })
    }

    pub fn say(&mut self, text: &str, interrupt: bool) -> &mut Self {
        self.input(Input::Say { text: text.to_owned(), interrupt })
    }

    pub fn say_audio(&mut self, url: &str, interrupt: bool) -> &mut Self {
        self.input(Input::SayAudio { url: url.to_owned(), interrupt })
    }

    // What the providers and the playout answer.

    pub fn clip(&mut self, clip: u64, duration_ms: u32) -> &mut Self {
        self.input(Input::ClipReady { clip: ClipId(clip), duration_ms })
    }

    pub fn clip_fails(&mut self, clip: u64) -> &mut Self {
        self.input(Input::ClipFailed { clip: ClipId(clip), error: "404".to_owned() })
    }

    pub fn interim(&mut self, utterance: u64, text: &str) -> &mut Self {
        self.input(Input::InterimTranscript { utterance: UtteranceId(utterance), text: text.to_owned() })
    }

    pub fn transcript(&mut self, utterance: u64, revision: u32, text: &str) -> &mut Self {
        self.input(Input::Transcript { utterance: UtteranceId(utterance), revision, text: text.to_owned() })
    }

    /// The ears have found out whose the utterance is.
    pub fn speaker(&mut self, utterance: u64, asked: u32, speaker: Speaker) -> &mut Self {
        self.input(Input::Identified { utterance: UtteranceId(utterance), asked, speaker })
    }

    pub fn score(&mut self, utterance: u64, revision: u32, probability: f32) -> &mut Self {
        self.input(Input::EndOfTurn { utterance: UtteranceId(utterance), revision, probability })
    }

    pub fn text(&mut self, response: u64, text: &str) -> &mut Self {
        self.input(Input::ResponseText { response: ResponseId(response), text: text.to_owned() })
    }

    pub fn finished(&mut self, response: u64) -> &mut Self {
        self.input(Input::ResponseFinished { response: ResponseId(response) })
    }

    /// The model ends its generation with calls: id, name, arguments.
    pub fn calls(&mut self, response: u64, calls: &[(&str, &str, &str)]) -> &mut Self {
        let call = |&(id, name, arguments): &(&str, &str, &str)| ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result: String::new(),
        };
        let calls = calls.iter().map(call).collect();
        self.input(Input::ResponseToolCalls { response: ResponseId(response), calls }).finished(response)
    }

    pub fn tool(&mut self, response: u64, call: &str, result: &str) -> &mut Self {
        let (call, result) = (call.to_owned(), result.to_owned());
        self.input(Input::ToolFinished { response: ResponseId(response), call, result })
    }

    pub fn tool_fails(&mut self, response: u64, call: &str) -> &mut Self {
        let (call, error) = (call.to_owned(), "down".to_owned());
        self.input(Input::ToolFailed { response: ResponseId(response), call, error })
    }

    pub fn failed(&mut self, response: u64) -> &mut Self {
        self.input(Input::ResponseFailed { response: ResponseId(response), error: "down".to_owned() })
    }

    pub fn audio(&mut self, segment: u64) -> &mut Self {
        self.input(Input::SegmentAudioReady { segment: SegmentId(segment) })
    }

    pub fn synthesised(&mut self, segment: u64, duration_ms: u32) -> &mut Self {
        self.input(Input::SegmentSynthesised { segment: SegmentId(segment), duration_ms })
    }

    pub fn segment_fails(&mut self, segment: u64) -> &mut Self {
        self.input(Input::SegmentFailed { segment: SegmentId(segment), error: "down".to_owned() })
    }

    pub fn plays(&mut self, segment: u64) -> &mut Self {
        self.input(Input::SegmentPlayoutStarted { segment: SegmentId(segment) })
    }

    pub fn played(&mut self, segment: u64) -> &mut Self {
        self.input(Input::SegmentPlayoutFinished { segment: SegmentId(segment) })
    }

    pub fn stopped(&mut self, response: u64, segment: u64, played_ms: u32) -> &mut Self {
        let (response, segment) = (ResponseId(response), Some(SegmentId(segment)));
        self.input(Input::PlayoutStopped { response, segment, played_ms })
    }

    /// The segment is synthesised and begins to play, 1 s long.
    pub fn speaks(&mut self, segment: u64) -> &mut Self {
        self.audio(segment).synthesised(segment, 1000).plays(segment)
    }

    /// One whole turn from now on; the answer is one segment and is heard.
    pub fn turn(&mut self, utterance: u64, response: u64, segment: u64) -> &mut Self {
        self.user_says(utterance, &format!("question {response}"));
        self.text(response, &format!("Answer {response}.")).finished(response).speaks(segment);
        self.after(1000).played(segment)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert!(self.lines.is_empty(), "more came out:\n{}", self.lines.join("\n"));
        assert_eq!(replay(self.setup.clone(), self.journal.clone()), Ok(self.journal.len()));
    }
}

fn message(message: &Message) -> String {
    let role = match message.role {
        Role::System => "S",
        Role::User => "U",
        Role::Assistant => "A",
    };
    let calls = message.calls.iter().map(|call| format!(" <{} {}={}>", call.name, call.arguments, call.result));
    format!("{role}:{}{}", message.text, calls.collect::<String>())
}

/// An output as one line: `r` response, `s` segment, `u` utterance, `#` sentence.
pub fn line(output: &Output) -> String {
    match output {
        Output::OpenUtterance { utterance, from } => format!("open u{utterance} from {from}"),
        Output::Transcribe { utterance, revision } => format!("transcribe u{utterance} rev {revision}"),
        Output::ScoreEndOfTurn { utterance, revision } => format!("score u{utterance} rev {revision}"),
        Output::Identify { utterance, asked } => format!("identify u{utterance} {asked}"),
        Output::LearnVoice { utterance } => format!("learn voice u{utterance}"),
        Output::ForgetVoice => "forget voice".to_owned(),
        Output::CloseUtterance { utterance } => format!("close u{utterance}"),
        Output::Generate { response, sentence, messages } => {
            let messages: Vec<_> = messages.iter().map(message).collect();
            format!("generate r{response} #{sentence}: {}", messages.join(" | "))
        }
        Output::RunTool { response, call, name, arguments } => format!("run r{response} {call}: {name} {arguments}"),
        Output::CancelResponse { response } => format!("cancel r{response}"),
        Output::Synthesise { response, segment, text, voice, rate, emotion } => {
            let voice = voice.as_ref().map_or(String::new(), |voice| format!(" as {voice}"));
            let rate = if *rate == 1.0 { String::new() } else { format!(" at {rate}") };
            let emotion = emotion.map_or(String::new(), |emotion| format!(" {}", emotion.as_str()));
            format!("synthesise r{response} s{segment}{voice}{rate}{emotion}: {text}")
        }
        Output::LoadClip { clip, url } => format!("load c{clip}: {url}"),
        Output::PlayClip { response, segment, clip } => format!("play r{response} s{segment} c{clip}"),
        Output::ForgetClip { clip } => format!("forget c{clip}"),
        Output::StopPlayout { response } => format!("stop playout r{response}"),
        Output::Duck { response } => format!("duck r{response}"),
        Output::PausePlayout { response } => format!("pause r{response}"),
        Output::Unduck { response } => format!("unduck r{response}"),
        Output::HandOver { human, mode } => format!("hand over to {human} {mode:?}"),
        Output::TakeBack => "take back".to_owned(),
        Output::Notify { notice } => notice_line(notice),
        Output::Record { event } => format!("record {}", event_line(event)),
        Output::End { reason } => format!("end {reason:?}"),
    }
}

fn notice_line(notice: &Notice) -> String {
    let end = |end: &bool| if *end { " end" } else { "" };
    match notice {
        Notice::Error { code, message } => format!("error {code}: {message}"),
        Notice::State { state } => format!("state {state:?}"),
        Notice::AgentSubtitle { text, end: e, sentence } => format!("agent #{sentence}{}: \"{text}\"", end(e)),
        Notice::UserSubtitle { text, end: e, sentence, voiceprint: 0 } => {
            format!("user #{sentence}{}: \"{text}\"", end(e))
        }
        Notice::UserSubtitle { text, end: e, sentence, voiceprint } => {
            format!("user #{sentence}{} voiceprint {voiceprint}: \"{text}\"", end(e))
        }
        Notice::VoiceprintChanged { enable } => format!("voiceprint {enable}"),
        Notice::VoiceprintCleared => "voiceprint cleared".to_owned(),
        Notice::VoiceInterruptChanged { enable } => format!("voice interrupt {enable}"),
        Notice::PushToTalkChanged { enable } => format!("push to talk {enable}"),
        Notice::VoiceChanged { voice } => format!("voice {voice}"),
        Notice::WillLeave { reason, message } => format!("will leave {reason}: {message}"),
        Notice::TakeoverWillStart { human, mode } => format!("takeover by {human} {mode:?}"),
        Notice::TakeoverConnected { human } => format!("takeover connected {human}"),
        Notice::TakeoverHandedBack { human } => format!("handed back by {human}"),
        Notice::Interrupted { reason } => format!("interrupted {reason:?}"),
        Notice::Emotion { emotion, sentence } => format!("emotion #{sentence} {}", emotion.as_str()),
        Notice::ReplyCompleted { text, sentence } => format!("reply #{sentence}: \"{text}\""),
        Notice::Latency { latency } => format!("latency #{} total {}", latency.sentence, latency.total),
    }
}

fn event_line(event: &Event) -> String {
    match event {
        Event::SessionStarted => "session started".to_owned(),
        Event::Dialogue { role, kind, text, sentence, begin, interrupted } => {
            let cut = if *interrupted { " cut" } else { "" };
            format!("{role:?} {kind:?} #{sentence} from {begin}{cut}: \"{text}\"")
        }
        Event::Interrupted { reason, response, speech_began } => {
            let began = speech_began.map_or(String::new(), |began| format!(", speech from {began}"));
            format!("interrupted r{response} {reason:?}{began}")
        }
        Event::Overlap { response, began, paused, outcome } => {
            let paused = paused.map_or(String::new(), |paused| format!(", silent from {paused}"));
            format!("overlap r{response} from {began}{paused}: {outcome:?}")
        }
        Event::Resumed { response, of } => format!("r{response} resumes r{of}"),
        Event::Latency { latency } => format!(
            "latency #{}: {}+{}+{}+{}+{}+{} = {}",
            latency.sentence,
            latency.endpointing,
            latency.transcript,
            latency.first_text,
            latency.first_segment,
            latency.first_audio,
            latency.playout,
            latency.total
        ),
        Event::Milestone { milestone, sentence, requested, answered } => {
            format!("{milestone:?} #{sentence} {requested}..{answered}")
        }
        Event::TakeoverCancelled { human } => format!("takeover by {human} cancelled"),
        Event::HandedBack { human } => format!("handed back by {human}"),
        Event::FellBack { stage, failed, error, next } => {
            format!("{stage:?} fell back from {failed} to {next}: {error}")
        }
        Event::ProviderFailed { stage, error } => format!("{stage:?} failed: {error}"),
    }
}
