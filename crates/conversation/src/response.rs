//! One response: text coming in, pieces going to synthesis, segments playing. Greeting, spoken texts and apologies are
//! responses whose text is complete from the start.

use crate::{
    DialogueKind, Emotion, EndReason, Message, Output,
    brackets::BracketFilter,
    clauses::{Clause, Clauses, MAX_RESPONSE_CHARS},
    clips::LoadedClip,
    gather::Gather,
    heard::{Ledger, Overdue},
    latency::Moments,
    markers::{Markers, Piece},
    pronunciation::pronounced,
    tools::Tools,
    user_turn::Question,
};
use ringline_model::{AgentConfig, CallTime, ResponseId, SegmentId, SentenceId, TtsConfig};
use std::{collections::VecDeque, time::Duration};

/// From the request to the first text. A small model on a busy machine may need several seconds; fillers hold the floor
/// meanwhile, so that nobody waits in silence. With it the answer has failed.
pub(crate) const FIRST_TEXT_WAIT: Duration = Duration::from_secs(14);

/// Once there was text: silence for so long, and the words that are there are said, in the middle of a clause or not. If
/// there are none and no text has come for so long, either, the answer breaks off.
pub(crate) const STALL_WAIT: Duration = Duration::from_secs(4);

/// So long the first words may gather to a clause, however long it was silent before them.
const FIRST_WORDS_WAIT: Duration = Duration::from_millis(500);

/// Segments handed to synthesis and not heard to their end; the other pieces wait.
pub(crate) const LOOK_AHEAD: usize = 4;

/// Segments of one response that may miss their deadline before the rest of it is given up.
const MAX_OVERDUE: u32 = 2;

#[derive(Debug)]
enum Text {
    /// More may come; the last came, or was asked for, at `since`.
    Expected { since: CallTime },
    /// All of it is there. `source_over`: the model has said so itself.
    Complete { source_over: bool },
}

/// What became due in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Words are there, but no end of their clause.
    TextSlow,
    TextStalled,
    ToolsLate,
    Segment(Overdue),
    /// What is held back for being short has waited long enough.
    Short,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub id: ResponseId,
    pub sentence: SentenceId,
    pub kind: DialogueKind,
    /// The question, until the agent begins to answer aloud: so long the user may still go on with it.
    pub question: Option<Question>,
    pub moments: Moments,
    /// When its first sample left.
    pub spoken_from: Option<CallTime>,
    pub ledger: Ledger,
    text: Text,
    markers: Markers,
    brackets: BracketFilter,
    clauses: Clauses,
    gather: Gather,
    waiting: VecDeque<Clause>,
    /// How what is read now is said.
    emotion: Option<Emotion>,
    /// How what was heard last was said, as the client was told.
    told_emotion: Option<Emotion>,
    /// The model's text as it came.
    reply: String,
    /// Where the text of the running generation begins in it.
    round_from: usize,
    /// The generation that runs has given no text yet.
    awaits_text: bool,
    /// When its first text came.
    text_from: CallTime,
    pub tools: Tools,
    overdue: u32,
    /// A segment was given up and may still be worked for, or come.
    has_strays: bool,
    /// Audio that is played before the text.
    lead: Option<LoadedClip>,
    /// The URL of a response that is a clip and nothing else.
    pub audio_url: Option<String>,
    /// When all of it is said the call is over.
    pub ends_call: Option<EndReason>,
    /// It is marked `<No Interrupting>`.
    pub is_uninterruptible: bool,
    /// It was to transfer the call, which cannot be done; to be reported.
    pub failed_transfer: bool,
    /// It has no text to be shown.
    pub is_wordless: bool,
    /// The stopped response whose rest it is.
    pub resumes: Option<ResponseId>,
}

impl Response {
    /// An answer whose text is still to come, and the request for it.
    pub fn generated(id: ResponseId, question: Question, messages: Vec<Message>, now: CallTime) -> (Self, Output) {
        let tools = Tools::new(messages.clone());
        let request = Output::Generate { response: id, sentence: question.sentence, messages };
        let mut response = Self::new(id, question.sentence, DialogueKind::Normal, Text::Expected { since: now });
        response.moments.turn_end = question.end.filter(|end| end.decided == now);
        response.moments.asked = Some(now);
        response.question = Some(question);
        response.tools = tools;
        (response, request)
    }

    /// A text that is there as a whole.
    pub fn spoken(id: ResponseId, sentence: SentenceId, kind: DialogueKind, text: &str) -> Self {
        let mut response = Self::new(id, sentence, kind, Text::Complete { source_over: true });
        response.waiting = Clauses::of(text).into();
        response
    }

    /// Audio from a URL, asked for by the server.
    pub fn clip(id: ResponseId, sentence: SentenceId, url: String, clip: LoadedClip) -> Self {
        let response = Self::spoken(id, sentence, DialogueKind::Speech, "").led_by(Some(clip));
        Self { audio_url: Some(url), ..response }
    }

    /// Text that is still to come is read as configured.
    pub fn reading(self, config: &AgentConfig) -> Self {
        let (brackets, gather) = (BracketFilter::new(&config.tts.unspoken), Gather::new(&config.llm));
        Self { brackets, gather, ..self }
    }

    /// Puts audio before the text.
    pub fn led_by(self, lead: Option<LoadedClip>) -> Self {
        Self { is_wordless: self.waiting.is_empty(), lead, ..self }
    }

    fn new(id: ResponseId, sentence: SentenceId, kind: DialogueKind, text: Text) -> Self {
        Self {
            id,
            sentence,
            kind,
            question: None,
            moments: Moments::default(),
            spoken_from: None,
            ledger: Ledger::default(),
            text,
            markers: Markers::default(),
            brackets: BracketFilter::default(),
            clauses: Clauses::new(),
            gather: Gather::default(),
            waiting: VecDeque::new(),
            emotion: None,
            told_emotion: None,
            reply: String::new(),
            round_from: 0,
            awaits_text: true,
            text_from: CallTime::ZERO,
            tools: Tools::default(),
            overdue: 0,
            has_strays: false,
            lead: None,
            audio_url: None,
            ends_call: None,
            is_uninterruptible: false,
            failed_transfer: false,
            is_wordless: false,
            resumes: None,
        }
    }

    /// Returns when the model was asked, if this is its first text.
    pub fn on_text(&mut self, text: &str, now: CallTime) -> Option<CallTime> {
        let Text::Expected { since } = &mut self.text else { return None };
        if text.is_empty() {
            return None;
        }
        *since = now;
        if std::mem::take(&mut self.awaits_text) {
            self.text_from = now;
        }
        let is_first = self.moments.first_text.is_none();
        self.moments.first_text.get_or_insert(now);
        let pieces = self.markers.push(text);
        self.take(pieces);
        if self.clauses.is_full() || self.ends_call.is_some() {
            self.complete(false);
        }
        self.moments.asked.filter(|_| is_first)
    }

    /// Nothing of the text behind a hang-up counts.
    fn take(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            if self.ends_call.is_some() {
                return;
            }
            match piece {
                Piece::Text(text) => self.read(&text),
                Piece::Emotion(emotion) => self.change_emotion(emotion),
                Piece::NoInterrupting => self.is_uninterruptible = true,
                Piece::HangUp { end_word } => {
                    self.read_apart(&end_word);
                    self.ends_call = Some(EndReason::HungUp);
                }
                Piece::Transfer { error_message } => {
                    self.read_apart(&error_message);
                    self.failed_transfer = true;
                }
            }
        }
    }

    fn read(&mut self, text: &str) {
        let room = MAX_RESPONSE_CHARS.saturating_sub(self.reply.chars().count());
        self.reply.extend(text.chars().take(room));
        let spoken = self.brackets.push(text);
        let clauses = self.clauses.push(&spoken);
        self.hold(clauses);
    }

    /// What is long enough waits for synthesis, the rest for more.
    fn hold(&mut self, clauses: Vec<Clause>) {
        let now = match self.text {
            Text::Expected { since } => since,
            Text::Complete { .. } => CallTime::ZERO,
        };
        for clause in clauses {
            self.waiting.extend(self.gather.push(Clause { emotion: self.emotion, ..clause }, now));
        }
    }

    /// What was read before is a piece of its own.
    fn change_emotion(&mut self, emotion: Option<Emotion>) {
        if emotion != self.emotion {
            let clauses = self.clauses.push("\n");
            self.hold(clauses);
            self.release_short();
            self.emotion = emotion;
        }
    }

    /// A segment is heard: how it is said, if the client has not been told.
    pub fn new_emotion(&mut self, segment: SegmentId) -> Option<Emotion> {
        let now = self.ledger.emotion(segment);
        if now == self.told_emotion {
            return None;
        }
        self.told_emotion = now;
        Some(now.unwrap_or(Emotion::Neutral))
    }

    /// All that was read goes to synthesis.
    fn finish_text(&mut self) {
        let spoken = self.brackets.finish();
        let mut clauses = self.clauses.push(&spoken);
        clauses.extend(self.clauses.finish());
        self.hold(clauses);
        self.release_short();
    }

    /// What is held back goes to synthesis, however short.
    pub fn release_short(&mut self) {
        self.waiting.extend(self.gather.release());
    }

    /// A text of its own, between what stands around it.
    fn read_apart(&mut self, text: &str) {
        if !text.is_empty() {
            self.read(&format!("\n{text}\n"));
        }
    }

    /// No more text comes. `source_over`: the source has ended by itself and need not be cancelled.
    pub fn complete(&mut self, source_over: bool) {
        match self.text {
            Text::Expected { .. } => {
                let pieces = self.markers.finish();
                self.take(pieces);
                self.finish_text();
                self.text = Text::Complete { source_over };
            }
            Text::Complete { source_over: false } => self.text = Text::Complete { source_over },
            Text::Complete { source_over: true } => {}
        }
    }

    /// The generation has ended in tool calls: its text is said, and returned; more comes from the next one.
    pub fn end_round(&mut self) -> String {
        let pieces = self.markers.finish();
        self.take(pieces);
        self.finish_text();
        let said = self.reply[self.round_from..].trim().to_owned();
        self.read(" ");
        self.round_from = self.reply.len();
        said
    }

    /// The model is asked again, with what its tools have found.
    pub fn ask_again(&mut self, now: CallTime) {
        self.text = Text::Expected { since: now };
        self.awaits_text = true;
    }

    /// It has begun to show: what the user says now interrupts it.
    pub fn is_under_way(&self) -> bool {
        self.spoken_from.is_some() || self.tools.were_called()
    }

    pub fn is_text_complete(&self) -> bool {
        matches!(self.text, Text::Complete { .. })
    }

    /// Whether audio of it may still come though all of it is said or given up.
    pub fn has_strays(&self) -> bool {
        self.has_strays
    }

    pub fn needs_cancelling(&self) -> bool {
        !matches!(self.text, Text::Complete { source_over: true })
    }

    /// The text stops short: it is not a whole reply.
    pub fn break_off(&mut self) {
        self.reply.clear();
    }

    /// It has no text after all; this is said, behind what plays.
    pub fn say_instead(&mut self, text: &str) {
        self.break_off();
        self.waiting = Clauses::of(text).into();
        self.moments = Moments::default();
    }

    /// Nothing was or will be said, as far as is known.
    pub fn is_mute(&self) -> bool {
        self.lead.is_none() && self.waiting.is_empty() && self.gather.is_empty() && self.ledger.is_without_answer()
    }

    /// Since when the user waits for words of the model and hears nothing.
    pub fn waits_since(&self) -> Option<CallTime> {
        let is_awaited = self.awaits_text || self.tools.are_running() || !self.has_words();
        let is_silent = !self.is_text_complete() && self.waiting.is_empty() && self.ledger.in_flight() == 0;
        self.quiet_since().filter(|_| is_awaited && is_silent)
    }

    /// Half a word is there, and the rest of it may come until then.
    pub fn word_is_due(&self) -> Option<CallTime> {
        self.clauses.has_begun().then_some(self.text_from + FIRST_WORDS_WAIT)
    }

    /// When the model was asked, or the last sound ended.
    fn quiet_since(&self) -> Option<CallTime> {
        Some(self.moments.asked?.max(self.ledger.idle_since()))
    }

    /// Words of the text are held back until their clause, or enough of it, is there.
    fn has_words(&self) -> bool {
        self.clauses.has_words() || !self.gather.is_empty()
    }

    /// Everything has been said.
    pub fn is_done(&self) -> bool {
        self.is_text_complete() && self.lead.is_none() && self.waiting.is_empty() && self.ledger.in_flight() == 0
    }

    /// All its text is on its way to the user, and it ends with a question.
    pub fn is_asking(&self) -> bool {
        let asks = self.ledger.last_text().is_some_and(|text| text.trim_end().ends_with(['?', '？']));
        self.is_text_complete() && self.waiting.is_empty() && self.ledger.in_flight() <= 1 && asks
    }

    /// What of its text was not heard when playout was stopped there. Of a text that was still being made, its whole sentences.
    pub fn unheard(&self, stopped: Option<(SegmentId, u32)>) -> String {
        let mut rest = self.ledger.unheard_after(stopped);
        self.waiting.iter().for_each(|clause| rest.push_str(&clause.appended()));
        if matches!(self.text, Text::Complete { .. }) {
            return rest.trim().to_owned();
        }
        let end = rest.char_indices().rev().find(|(_, c)| matches!(c, '.' | '!' | '?' | '。' | '！' | '？'));
        end.map_or_else(String::new, |(at, c)| rest[..at + c.len_utf8()].trim().to_owned())
    }

    /// The model's whole text, for the client.
    pub fn reply(&self) -> &str {
        self.reply.trim()
    }

    /// Hands the next piece to synthesis, if there is one and room for it.
    pub fn hand_over(&mut self, next: impl FnOnce() -> SegmentId, tts: &TtsConfig, now: CallTime) -> Option<Output> {
        if self.ledger.in_flight() >= LOOK_AHEAD {
            return None;
        }
        if let Some(LoadedClip { clip, duration_ms }) = self.lead.take() {
            let segment = next();
            self.ledger.hand_over_clip(segment, duration_ms, now);
            return Some(Output::PlayClip { response: self.id, segment, clip });
        }
        let clause = self.waiting.pop_front()?;
        let (segment, text) = (next(), pronounced(&clause.text, &tts.rules));
        let emotion = clause.emotion;
        self.moments.first_segment.get_or_insert(now);
        self.ledger.hand_over(segment, clause, tts.speech_rate, now);
        let (voice, rate) = (tts.voice.clone(), tts.speech_rate);
        Some(Output::Synthesise { response: self.id, segment, text, voice, rate, emotion })
    }

    /// A segment missed its deadline. Synthesis that gives no audio would not give any for the next one, either: the rest is
    /// not said. Of segments that do not begin to play, [`MAX_OVERDUE`] are waited for.
    pub fn on_overdue(&mut self, overdue: Overdue, now: CallTime) {
        self.has_strays = true;
        match overdue {
            Overdue::End(segment) => return self.ledger.finished(segment, now),
            Overdue::Audio(_) => {
                self.ledger.skip_handed(now);
                self.overdue = MAX_OVERDUE;
            }
            Overdue::Start(segment) => {
                self.ledger.skip(segment, now);
                self.overdue += 1;
            }
        }
        if self.overdue >= MAX_OVERDUE {
            self.complete(false);
            self.waiting.clear();
        }
    }

    /// `here_since`: since when the user is there to hear it.
    pub fn deadline(&self, here_since: Option<CallTime>) -> Option<CallTime> {
        let text = self.watch_text().map(|(at, _)| at);
        let segment = self.ledger.watch(here_since).map(|(at, _)| at);
        text.into_iter().chain(segment).chain(self.gather.deadline()).min()
    }

    pub fn due(&self, now: CallTime, here_since: Option<CallTime>) -> Option<Due> {
        let segment = self.overdue_segment(now, here_since).map(Due::Segment);
        let short = self.gather.deadline().filter(|at| *at <= now).map(|_| Due::Short);
        segment.or(short).or_else(|| self.watch_text().filter(|(at, _)| *at <= now).map(|(_, due)| due))
    }

    /// When the text is late, and what is to be done then. While something sounds it may take its time.
    fn watch_text(&self) -> Option<(CallTime, Due)> {
        let Text::Expected { since } = self.text else { return None };
        if let Some(at) = self.tools.deadline() {
            return Some((at, Due::ToolsLate));
        }
        if self.awaits_text {
            return Some((since + FIRST_TEXT_WAIT, Due::TextStalled));
        }
        if self.ledger.in_flight() > 0 {
            return None;
        }
        let quiet = self.quiet_since().unwrap_or(self.text_from);
        match self.has_words() {
            true => Some(((quiet + STALL_WAIT).max(self.text_from + FIRST_WORDS_WAIT), Due::TextSlow)),
            false => Some((quiet.max(since) + STALL_WAIT, Due::TextStalled)),
        }
    }

    /// What there is of the text goes to synthesis.
    pub fn flush(&mut self) {
        let clauses = self.clauses.flush();
        self.hold(clauses);
        self.release_short();
    }

    pub fn overdue_segment(&self, now: CallTime, here_since: Option<CallTime>) -> Option<Overdue> {
        self.ledger.watch(here_since).filter(|(at, _)| *at <= now).map(|(_, overdue)| overdue)
    }
}
