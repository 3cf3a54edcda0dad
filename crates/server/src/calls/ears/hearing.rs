//! Hearing: from a call's audio to what voice activity tells of it, as a value. What was sent to the user goes in as well,
//! so that the agent's own voice is not taken for a person's.
//!
//! While the echo guard knows that it hears the agent and nobody else, a frame is silence to the speech detector. Speech that was
//! told of before that was known is taken back ([`Heard::WasEcho`]), unless a person was in it or it is older than
//! [`TAKEN_BACK`]: then it ends. While the agent is heard for the first time, it is open whose a sound is; what begins then is told of when
//! that is known, after 0.3 s of it as a rule, 1.6 s of the agent's voice at most, and 3 s if an echo is likely; also if it is over by then.

use super::speech_detector::{ENTER, SpeechDetector, SpeechEdge};
use ringline_audio::{EAR_RATE, EchoGuard, Voice, level_dbfs};
use ringline_conversation::{Input, said_over_agents};
use ringline_model::CallTime;
use ringline_providers::VoiceActivity;
use std::time::Duration;

/// What has lasted longer has been acted on.
const TAKEN_BACK: Duration = Duration::from_millis(1500);
/// A person is in speech that the guard takes for a person's for so long. When a canceller opens, it takes the agent's voice for one for
/// less.
const PERSON: Duration = Duration::from_millis(120);
/// What is heard so long after the agent's voice left was said while it was heard: the way there and back, and the beat that people
/// wait.
const OVER_AGENT: Duration = Duration::from_millis(500);
/// A person over the echo is noticed about so long after they began to speak, as a rule (the median of docs/lab.md's clips).
const NOTICED_AFTER: Duration = Duration::from_millis(60);
/// The agent is heard, in dB of full scale; a sound behind its voice is quieter.
const AGENT_DBFS: f32 = -45.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Speech began at the given time.
    Began(CallTime),
    /// It ended at the given time.
    Ended(CallTime),
    /// What was told of last was the agent's own voice.
    WasEcho,
}

impl Heard {
    /// What it is to the conversation. `is_open`: an utterance is; `now`: nothing is told to be later, since the mapping to call time
    /// may run ahead of the clock by the path's least delay; `told`: when the speech that was told of last was said to begin.
    pub fn input(self, is_open: bool, now: CallTime, told: &mut CallTime) -> Input {
        match self {
            Self::Began(at) => {
                let at = at.min(now);
                *told = at;
                if is_open { Input::SpeechResumed { at } } else { Input::SpeechStarted { at } }
            }
            Self::Ended(at) => Input::SpeechPaused { at: at.min(now) },
            Self::WasEcho => Input::SpeechWasEcho { at: *told },
        }
    }
}

/// Speech that was not told of.
#[derive(Clone, Copy, Debug)]
struct Held {
    from: CallTime,
    /// It is over.
    until: Option<CallTime>,
}

pub struct Hearing {
    voice_activity: Box<dyn VoiceActivity>,
    detector: SpeechDetector,
    guard: EchoGuard,
    heeds_guard: bool,
    /// For how long what sounds like speech has been a person's, since the agent's voice was heard alone or speech ended.
    person_for: Duration,
    /// It may be the agent's.
    held: Option<Held>,
    /// Until when the agent's voice was heard and nobody else's.
    echo_until: Option<CallTime>,
    /// Until when what was told of reaches.
    told_until: CallTime,
    /// When the agent's voice was sent last.
    agent_until: Option<CallTime>,
    /// Audio that is not yet a whole frame.
    partial: Vec<f32>,
}

impl Hearing {
    /// With a `VadLevel`. At 0 any sound is speech, the agent's own as well.
    pub fn new(voice_activity: Box<dyn VoiceActivity>, vad_level: u32) -> Self {
        Self {
            voice_activity,
            detector: SpeechDetector::new(vad_level),
            guard: EchoGuard::new(),
            heeds_guard: vad_level > 0,
            person_for: Duration::ZERO,
            held: None,
            echo_until: None,
            told_until: CallTime::ZERO,
            agent_until: None,
            partial: Vec::with_capacity(1024),
        }
    }

    /// Another `VadLevel`, from the next frame on.
    pub fn set_level(&mut self, vad_level: u32) {
        self.detector.set_level(vad_level);
        self.heeds_guard = vad_level > 0;
    }

    /// Listening starts anew after a gap.
    pub fn restart(&mut self) {
        self.voice_activity.reset();
        self.partial.clear();
    }

    /// What leaves for the user from `at` on, at 24 kHz.
    pub fn sent(&mut self, at: CallTime, pcm: &[f32]) {
        self.guard.sent(at, pcm);
        if level_dbfs(pcm) > AGENT_DBFS {
            self.agent_until = Some(at);
        }
    }

    /// Words to expect in what is said from `from` on, in the vendor's language id if there is one: those that are said over an agent,
    /// if it was heard then.
    pub fn expected_words(&self, from: CallTime, language: Option<&str>) -> impl Iterator<Item = &'static str> {
        let is_over = self.agent_until.is_some_and(|until| from <= until + OVER_AGENT);
        said_over_agents(language.filter(|_| is_over))
    }

    /// What is heard from `at` on, at 16 kHz.
    pub fn take(&mut self, at: CallTime, audio: &[f32], mut tell: impl FnMut(Heard)) {
        self.guard.heard(at, audio);
        self.partial.extend_from_slice(audio);
        let frame = self.voice_activity.frame_len();
        // When the samples in `partial` began, counted back from the end of this audio.
        let mut began = (at + samples(audio.len())).saturating_sub(samples(self.partial.len()));
        let mut used = 0;
        while self.partial.len() - used >= frame {
            let pcm = &self.partial[used..used + frame];
            let level = level_dbfs(pcm);
            let wanted = self.detector.wants(samples(frame), level);
            let probability = if wanted { self.voice_activity.predict(pcm) } else { 0.0 };
            for heard in self.judge(began, samples(frame), probability, level).into_iter().flatten() {
                if let Heard::Ended(at) = heard {
                    self.told_until = at;
                }
                tell(heard);
            }
            used += frame;
            began = began + samples(frame);
        }
        self.partial.drain(..used);
    }

    /// What one frame tells: two things if it is now known whose what was held is.
    fn judge(&mut self, began: CallTime, length: Duration, probability: f32, level: f32) -> [Option<Heard>; 2] {
        let voice = if self.heeds_guard { self.guard.voice() } else { Voice::Person };
        if voice == Voice::Echo {
            return [self.hear_echo(began, began + length), None];
        }
        let edge = match self.detector.frame(began, length, probability, level) {
            Some(SpeechEdge::Began(at)) => Some(SpeechEdge::Began(self.really_began(at))),
            edge => edge,
        };
        if matches!(edge, Some(SpeechEdge::Ended(_))) {
            self.person_for = Duration::ZERO;
        } else if voice == Voice::Person && probability >= ENTER {
            self.person_for = self.person_for.saturating_add(length);
        }
        let told = match edge {
            Some(SpeechEdge::Began(at)) if voice == Voice::Open || self.held.is_some() => {
                self.held.get_or_insert(Held { from: at, until: None }).until = None;
                None
            }
            Some(SpeechEdge::Began(at)) => Some(Heard::Began(at)),
            Some(SpeechEdge::Ended(at)) => match &mut self.held {
                Some(held) => {
                    held.until = Some(at);
                    None
                }
                None => Some(Heard::Ended(at)),
            },
            None => None,
        };
        match self.held.take_if(|_| voice != Voice::Open) {
            Some(Held { from, until }) => [Some(Heard::Began(from)), until.map(Heard::Ended)],
            None => [told, None],
        }
    }

    /// The agent is heard from `began` until `until`, and nobody else.
    fn hear_echo(&mut self, began: CallTime, until: CallTime) -> Option<Heard> {
        self.echo_until = Some(until);
        let person_for = std::mem::take(&mut self.person_for);
        let since = self.detector.forget();
        if self.held.take().is_some() {
            return None;
        }
        let is_echo = person_for < PERSON && began.since(since?) <= TAKEN_BACK;
        Some(if is_echo { Heard::WasEcho } else { Heard::Ended(began) })
    }

    /// Speech that is found to begin where the agent's voice was heard alone until then began a little before.
    fn really_began(&self, at: CallTime) -> CallTime {
        let follows = self.echo_until.is_some_and(|until| at <= until + NOTICED_AFTER);
        if follows { at.saturating_sub(NOTICED_AFTER).max(self.told_until) } else { at }
    }
}

/// How long so many samples at [`EAR_RATE`] last.
pub fn samples(count: usize) -> Duration {
    Duration::from_micros(count as u64 * 1_000_000 / u64::from(EAR_RATE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringline_audio::{MOUTH_FRAME, MOUTH_RATE};

    /// What is loud is speech.
    struct Loud;

    impl VoiceActivity for Loud {
        fn frame_len(&self) -> usize {
            512
        }

        fn predict(&mut self, frame: &[f32]) -> f32 {
            if level_dbfs(frame) > -50.0 { 0.9 } else { 0.0 }
        }

        fn reset(&mut self) {}
    }

    const AGENT: [f32; 3] = [450.0, 850.0, 1450.0];
    const PERSON: [f32; 3] = [1000.0, 1700.0, 2600.0];

    /// 20 ms of a voice with these partials, or of a pause in it.
    fn voice<const N: usize>(hz: [f32; 3], rate: u32, sounds: bool) -> [f32; N] {
        let partial = |n: usize, hz: f32| (n as f32 * hz * std::f32::consts::TAU / rate as f32).sin() * 0.05;
        std::array::from_fn(|n| if sounds { hz.iter().map(|hz| partial(n, *hz)).sum() } else { 0.0 })
    }

    /// The agent is heard for 3 s from the beginning; a person whose voice is nothing like it speaks at these times (ms). What is told,
    /// and when.
    fn told(vad_level: u32, speaks: std::ops::Range<u64>) -> Vec<(u64, Heard)> {
        let mut hearing = Hearing::new(Box::new(Loud), vad_level);
        let mut told = Vec::new();
        for ms in (0..3000).step_by(20) {
            let at = CallTime::from_millis(ms);
            // Both with their own pauses between syllables.
            hearing.sent(at, &voice::<MOUTH_FRAME>(AGENT, MOUTH_RATE, ms % 260 < 180));
            let heard = voice::<320>(PERSON, EAR_RATE, speaks.contains(&ms) && ms % 140 < 100);
            hearing.take(at, &heard, |heard| told.push((ms, heard)));
        }
        told
    }

    #[test]
    fn speech_into_the_agents_first_words_is_told_of_when_it_cannot_be_their_echo() {
        let told = told(11, 512..3000);
        let [(when, Heard::Began(at))] = told[..] else { panic!("{told:?}") };
        assert!((700..900).contains(&when), "told at {when} ms");
        assert!((480..560).contains(&at.as_millis()), "begun at {at}");
    }

    #[test]
    fn speech_that_is_over_before_that_is_known_is_told_of_then_and_later_speech_at_once() {
        let early = told(11, 512..700);
        let [(when, Heard::Began(began)), (then, Heard::Ended(ended))] = early[..] else { panic!("{early:?}") };
        assert!(when == then && (1580..2500).contains(&when), "told at {when} and {then} ms");
        assert!((480..560).contains(&began.as_millis()) && (640..760).contains(&ended.as_millis()), "{early:?}");
        let late = told(11, 2000..2400);
        let [(when, Heard::Began(_)), (_, Heard::Ended(_))] = late[..] else { panic!("{late:?}") };
        assert!((2040..2120).contains(&when), "told at {when} ms");
    }

    #[test]
    fn words_are_expected_while_the_agent_is_heard_and_in_a_language_that_is_known() {
        let mut hearing = Hearing::new(Box::new(Loud), 11);
        let count =
            |hearing: &Hearing, ms, language| hearing.expected_words(CallTime::from_millis(ms), language).count();
        assert_eq!(count(&hearing, 0, Some("en")), 0, "nobody is heard");
        hearing.sent(CallTime::from_millis(1000), &voice::<MOUTH_FRAME>(AGENT, MOUTH_RATE, true));
        hearing.sent(CallTime::from_millis(1020), &[0.0; MOUTH_FRAME]);
        assert!(count(&hearing, 900, Some("en")) > 5 && count(&hearing, 1500, Some("en")) > 5);
        assert_eq!(count(&hearing, 1501, Some("en")), 0, "it has been silent for half a second");
        assert_eq!((count(&hearing, 1500, None), count(&hearing, 1500, Some("xx"))), (0, 0));
    }

    #[test]
    fn a_person_over_the_echo_began_a_little_before_they_were_noticed() {
        let mut hearing = Hearing::new(Box::new(Loud), 11);
        let began = |hearing: &Hearing, ms| hearing.really_began(CallTime::from_millis(ms)).as_millis();
        assert_eq!(began(&hearing, 1000), 1000, "there was no echo");
        hearing.echo_until = Some(CallTime::from_millis(1000));
        assert_eq!((began(&hearing, 1032), began(&hearing, 1061)), (972, 1061));
        hearing.told_until = CallTime::from_millis(990);
        assert_eq!(began(&hearing, 1032), 990, "not within what was told before");
    }

    #[test]
    fn at_level_0_any_sound_is_told_of_at_once() {
        let told = told(0, 512..900);
        let [(when, Heard::Began(_)), (_, Heard::Ended(_))] = told[..] else { panic!("{told:?}") };
        assert!((560..640).contains(&when), "told at {when} ms");
    }
}
