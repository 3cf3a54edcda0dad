//! What must hold in every call. A rule is a small function that is given what is known and objects, or does not.
//!
//! [`OUTPUT_RULES`] are asked about every output before it counts, [`STEP_RULES`] after every step. Those about whole calls are
//! in `endings`.

use crate::facts::{Answer, CLIP_WAIT, Facts, PLAYOUT_SLACK, PLAYOUT_WAIT, STOP_WAIT, Stage};
use crate::facts::{SYNTHESIS_WAIT, TEXT_WAIT, TRANSCRIPT_WAIT};
use ringline_conversation::{AgentState, Event, Message, Notice, Output, Role};
use ringline_model::{CallTime, ResponseId};
use std::time::Duration;

/// An objection: what is wrong, in words.
pub(crate) type Verdict = Result<(), String>;

pub(crate) type OutputRule = (&'static str, fn(&Facts, &Output) -> Verdict);
pub(crate) type StepRule = (&'static str, fn(&Facts, &Scene) -> Verdict);

/// What is physically going on after a step.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The conversation's next deadline.
    pub deadline: Option<CallTime>,
    pub state: AgentState,
    pub history: usize,
    /// Sound leaves for the user.
    pub audible: bool,
    /// Responses of which audio waits or plays; for which the mouth works; for which the model does.
    pub sounding: Vec<ResponseId>,
    pub mouth: Vec<ResponseId>,
    pub model: Option<ResponseId>,
    /// What waits to happen.
    pub waiting: usize,
    /// Since when the user hears nothing though something is owed.
    pub quiet_since: Option<CallTime>,
    /// Since when the user hears nothing and the model is waited for.
    pub unfilled_since: Option<CallTime>,
}

pub(crate) const OUTPUT_RULES: &[OutputRule] = &[
    ("nothing follows the end", nothing_follows_the_end),
    ("utterances come one after the other", utterances_come_one_after_the_other),
    ("responses come one after the other", responses_come_one_after_the_other),
    ("a stopped response stays silent", a_stopped_response_stays_silent),
    ("a response is cancelled once", a_response_is_cancelled_once),
    ("segments can be said", segments_can_be_said),
    ("clips are played or forgotten once", clips_are_played_or_forgotten_once),
    ("states follow each other legally", states_follow_each_other_legally),
    ("agent subtitles show what plays", agent_subtitles_show_what_plays),
    ("questions count up", questions_count_up),
    ("the model is told the history", the_model_is_told_the_history),
    ("a whisper is for the model alone", a_whisper_is_for_the_model_alone),
    ("the records hold what was heard", the_records_hold_what_was_heard),
    ("latencies add up", latencies_add_up),
];

pub(crate) const STEP_RULES: &[StepRule] = &[
    ("deadlines make progress", deadlines_make_progress),
    ("only the response that is alive may sound", only_the_response_that_is_alive_may_sound),
    ("no work is left for what is over", no_work_is_left_for_what_is_over),
    ("the state agrees with what plays", the_state_agrees_with_what_plays),
    ("silence has a reason", silence_has_a_reason),
    ("nobody waits for the model in silence", nobody_waits_for_the_model_in_silence),
    ("everything is bounded", everything_is_bounded),
];

fn unless(wrong: bool, what: impl FnOnce() -> String) -> Verdict {
    if wrong { Err(what()) } else { Ok(()) }
}

/// One end, and nothing behind it.
fn nothing_follows_the_end(facts: &Facts, output: &Output) -> Verdict {
    unless(facts.ended.is_some(), || format!("{output:?}"))
}

/// One utterance is open at a time, and only it is asked about.
fn utterances_come_one_after_the_other(facts: &Facts, output: &Output) -> Verdict {
    let open = facts.utterance.as_ref().map(|utterance| utterance.id);
    let wrong = match output {
        Output::OpenUtterance { .. } => open.is_some(),
        Output::Transcribe { utterance, .. }
        | Output::ScoreEndOfTurn { utterance, .. }
        | Output::CloseUtterance { utterance } => open != Some(*utterance),
        Output::End { .. } => open.is_some(),
        _ => false,
    };
    unless(wrong, || format!("{output:?} while {open:?} is open"))
}

fn begun_by(output: &Output) -> Option<ResponseId> {
    match output {
        Output::Generate { response, .. } | Output::Synthesise { response, .. } | Output::PlayClip { response, .. } => {
            Some(*response)
        }
        _ => None,
    }
}

/// A response begins when all before it are over, and its id is greater than theirs. None begins at the end of the call.
fn responses_come_one_after_the_other(facts: &Facts, output: &Output) -> Verdict {
    let Some(id) = begun_by(output).filter(|id| !facts.answers.contains_key(id)) else { return Ok(()) };
    unless(facts.newest.is_some_and(|newest| id <= newest), || format!("{id} comes after {:?}", facts.newest))?;
    let open = facts.answers.iter().find(|(_, answer)| !facts.is_over(answer));
    unless(open.is_some(), || format!("{id} begins while {:?} goes on", open.map(|(id, _)| id)))
}

/// Of a response that was cancelled nothing more is asked for.
fn a_stopped_response_stays_silent(facts: &Facts, output: &Output) -> Verdict {
    let is_cancelled = |id: ResponseId| facts.answers.get(&id).is_some_and(|answer| answer.cancelled);
    unless(begun_by(output).is_some_and(is_cancelled), || format!("{output:?}"))
}

/// A response ends once: it is not cancelled twice, and playout is stopped only for one that is cancelled.
fn a_response_is_cancelled_once(facts: &Facts, output: &Output) -> Verdict {
    let cancelled = |id: &ResponseId| facts.answers.get(id).is_some_and(|answer| answer.cancelled);
    match output {
        Output::CancelResponse { response } => unless(cancelled(response), || format!("{response} again")),
        Output::StopPlayout { response } => unless(!cancelled(response), || format!("{response} goes on")),
        _ => Ok(()),
    }
}

/// A segment is new, has words, is at most 200 characters long (and what was gathered before it, `OutputMinLength`), and is said at a rate that is allowed.
fn segments_can_be_said(facts: &Facts, output: &Output) -> Verdict {
    let Output::Synthesise { segment, text, rate, .. } = output else { return Ok(()) };
    unless(facts.segments.contains_key(segment), || format!("{segment} again"))?;
    let long = text.chars().count() > 200 + 1 + facts.most_gathered as usize;
    unless(long || !text.chars().any(char::is_alphanumeric), || format!("{text:?}"))?;
    unless(!(0.5..=2.0).contains(rate), || format!("rate {rate}"))
}

/// A clip is loaded once, played only when it is there, and forgotten only if it is held.
fn clips_are_played_or_forgotten_once(facts: &Facts, output: &Output) -> Verdict {
    match output {
        Output::LoadClip { clip, .. } => unless(facts.clips.contains_key(clip), || format!("{clip} again")),
        Output::PlayClip { clip, .. } => {
            unless(!facts.clips.get(clip).is_some_and(|(_, length)| length.is_some()), || {
                format!("{clip} is not there")
            })
        }
        Output::ForgetClip { clip } => unless(!facts.clips.contains_key(clip), || format!("{clip} is not held")),
        _ => Ok(()),
    }
}

/// 1001 is sent for a change (or when the client asks), never `Idle`, never from speaking to thinking without listening between,
/// and `Speaking` only if something plays.
fn states_follow_each_other_legally(facts: &Facts, output: &Output) -> Verdict {
    let Output::Notify { notice: Notice::State { state } } = output else { return Ok(()) };
    use AgentState::{Idle, Listening, Speaking, Thinking};
    let legal = match (facts.state, *state) {
        (Speaking, Thinking) => facts.is_pieced,
        (_, Idle) => false,
        (before, now) if before == now => facts.state_is_due || facts.was_told_early,
        (_, Speaking) => facts.started_now.is_some() || facts.state_is_due,
        (Idle | Listening | Thinking, Thinking) | (Idle | Thinking | Speaking, Listening) => true,
        (Listening, Listening) => facts.state_is_due,
    };
    unless(!legal, || format!("{:?} → {state:?}", facts.state))
}

/// A piece of subtitle belongs to the segment that has just begun to play; a sentence is closed once, and nothing of it follows.
fn agent_subtitles_show_what_plays(facts: &Facts, output: &Output) -> Verdict {
    let Output::Notify { notice: Notice::AgentSubtitle { text, end, sentence } } = output else { return Ok(()) };
    unless(facts.closed.contains(sentence), || format!("{text:?} of sentence {sentence}, which is closed"))?;
    if *end {
        return Ok(());
    }
    let plays = facts.started_now.and_then(|id| facts.answers.get(facts.segments.get(&id)?)).into_iter();
    let shown = plays
        .flat_map(|answer| &answer.segments)
        .any(|segment| Some(segment.id) == facts.started_now && segment.text.trim() == text.trim());
    unless(!shown, || format!("{text:?} is shown and does not begin to play"))
}

/// A question has the id of its closing 1003, which comes in the same step, and ids never go back.
fn questions_count_up(facts: &Facts, output: &Output) -> Verdict {
    let Output::Generate { response, sentence, .. } = output else { return Ok(()) };
    if facts.answers.contains_key(response) {
        return Ok(());
    }
    unless(facts.user_end_now != Some(*sentence), || format!("sentence {sentence} was not shown as asked"))?;
    let last = facts.last_question;
    unless(last.is_some_and(|last| last > *sentence), || format!("sentence {sentence} after {last:?}"))
}

/// The model gets the system prompt, the seed, the newest turns of the history as it is, what was whispered, and the question.
fn the_model_is_told_the_history(facts: &Facts, output: &Output) -> Verdict {
    let Output::Generate { messages, .. } = output else { return Ok(()) };
    if facts.is_pieced {
        return Ok(());
    }
    let [system, rest @ .., question] = messages.as_slice() else { return Err("there is no question".to_owned()) };
    let roles = (system.role, question.role);
    unless(roles != (Role::System, Role::User), || format!("{roles:?}"))?;
    let turns = &rest[facts.config.llm.history.len().min(rest.len())..];
    let is_whisper = |message: &&Message| message.role == Role::System && facts.whispers.contains(&message.text);
    let turns = &turns[..turns.len() - turns.iter().rev().take_while(is_whisper).count()];
    unless(!facts.history.ends_with(turns), || format!("told {turns:?} of {:?}", facts.history))?;
    let questions = turns.iter().filter(|message| message.role == Role::User).count();
    let most = facts.config.llm.history_limit as usize;
    unless(questions > most, || format!("{questions} turns of {most}"))
}

/// The user neither hears nor reads what was whispered, and no record has it.
fn a_whisper_is_for_the_model_alone(facts: &Facts, output: &Output) -> Verdict {
    let text = match output {
        Output::Synthesise { text, .. }
        | Output::Notify { notice: Notice::AgentSubtitle { text, .. } | Notice::UserSubtitle { text, .. } }
        | Output::Record { event: Event::Dialogue { text, .. } } => text,
        _ => return Ok(()),
    };
    unless(facts.whispers.contains(text), || format!("{text:?}"))
}

/// An answer's entry is what playout has sent of it, to the word.
fn the_records_hold_what_was_heard(facts: &Facts, output: &Output) -> Verdict {
    let Output::Record { event: Event::Dialogue { role: Role::Assistant, text, sentence, .. } } = output else {
        return Ok(());
    };
    if facts.is_pieced || facts.human_said_now.as_deref().is_some_and(|said| said.trim() == text) {
        return Ok(());
    }
    let heard = || facts.unrecorded().map(|(id, _, heard)| (id, heard)).collect::<Vec<_>>();
    unless(facts.told_of(*sentence, text).is_none(), || format!("{text:?} is recorded, heard was {:?}", heard()))
}

/// The parts of a turn's latency are its total.
fn latencies_add_up(_: &Facts, output: &Output) -> Verdict {
    let Output::Record { event: Event::Latency { latency: l } } = output else { return Ok(()) };
    let sum = l.endpointing + l.transcript + l.first_text + l.first_segment + l.first_audio + l.playout;
    unless(sum != l.total, || format!("{l:?}"))
}

/// After a step the next deadline is later than it; there is none only after the end.
fn deadlines_make_progress(facts: &Facts, scene: &Scene) -> Verdict {
    let wrong = match scene.deadline {
        Some(at) => at <= facts.now || facts.ended.is_some(),
        None => facts.ended.is_none(),
    };
    unless(wrong, || format!("at {} the next deadline is {:?}", facts.now, scene.deadline))
}

/// The agent has no audio over a turn of the user that it has accepted: what was over or taken back is out of playout, or a stop
/// for it is on its way.
fn only_the_response_that_is_alive_may_sound(facts: &Facts, scene: &Scene) -> Verdict {
    let stopped = |id: ResponseId| facts.stopped_up_to.is_some_and(|stopped| id <= stopped);
    let over = |id: ResponseId| facts.answers.get(&id).is_none_or(|answer| facts.is_over(answer) && !answer.is_aside);
    let lost = scene.sounding.iter().find(|id| !stopped(**id) && over(**id));
    // The last frame of the last segment, or the end of the call.
    unless(lost.is_some() && facts.ended.is_none() && scene.audible, || format!("{lost:?} is over and sounds"))
}

/// The mouth and the model don't go on working for a response that is over.
fn no_work_is_left_for_what_is_over(facts: &Facts, scene: &Scene) -> Verdict {
    let over = |id: &&ResponseId| {
        facts.answers.get(*id).is_some_and(|answer| facts.is_over(answer) && !answer.cancelled && !answer.is_aside)
    };
    let left = scene.mouth.iter().chain(&scene.model).find(over);
    unless(left.is_some() && facts.ended.is_none(), || format!("{left:?} is over and still worked for"))
}

/// `Speaking` while a segment of the response that is alive plays, never without a response; `Thinking` only for one.
fn the_state_agrees_with_what_plays(facts: &Facts, scene: &Scene) -> Verdict {
    let untold = scene.state == AgentState::Idle;
    unless(scene.state != facts.state && !untold, || {
        format!("{:?}, and the client knows {:?}", scene.state, facts.state)
    })?;
    // At the end the state stays as it is.
    if facts.ended.is_some() || facts.stopping || !facts.joined {
        return Ok(());
    }
    let alive = facts.current();
    let plays = |answer: &Answer| answer.segments.iter().any(|segment| matches!(segment.stage, Stage::Playing(_)));
    let is_playing = alive.is_some_and(|(_, answer)| plays(answer));
    unless(is_playing && facts.state != AgentState::Speaking, || {
        format!("{:?} while the agent is heard", facts.state)
    })?;
    let busy = matches!(facts.state, AgentState::Speaking | AgentState::Thinking);
    unless(busy && alive.is_none(), || format!("{:?} without a response", facts.state))
}

/// While the user is there and something is owed, nobody waits longer than 5 s without a provider within its stated deadline.
fn silence_has_a_reason(facts: &Facts, scene: &Scene) -> Verdict {
    const LONGEST: Duration = Duration::from_secs(5);
    let Some(since) = scene.quiet_since else { return Ok(()) };
    unless(facts.now.since(since) > LONGEST, || format!("nothing is heard and nothing is waited for since {since}"))
}

/// A model that lets the user wait is waited for with words, unless those are configured or were many.
fn nobody_waits_for_the_model_in_silence(facts: &Facts, scene: &Scene) -> Verdict {
    const LONGEST: Duration = Duration::from_secs(5);
    const MANY: usize = 10;
    let Some(since) = scene.unfilled_since else { return Ok(()) };
    let segments = facts.current().map_or(0, |(_, answer)| answer.segments.len());
    let is_ours = facts.config.auto_speech.llm_pending.is_none() && segments < MANY;
    unless(is_ours && facts.now.since(since) > LONGEST, || format!("nothing is heard since {since}"))
}

/// The reason that fillers make bearable.
pub(crate) const MODEL: &str = "the language model";

/// Whether somebody who listens in silence since then could be told why.
pub(crate) fn reason_for_silence(facts: &Facts, silent_since: CallTime) -> Option<&'static str> {
    let now = facts.now;
    let within = |since: CallTime, wait: Duration| now <= since + wait;
    if facts.here_since.is_none() || facts.ended.is_some() {
        return Some("nobody is there");
    }
    if facts.takeover || facts.stopping {
        return Some("a human, or the end");
    }
    if facts.opening_since.is_some_and(|since| within(since, CLIP_WAIT)) {
        return Some("audio before the greeting is loaded");
    }
    let stopping = facts.answers.values().rev().take(2).filter(|answer| answer.stopped.is_none());
    if stopping.filter_map(|answer| answer.stopped_at).any(|at| within(at, STOP_WAIT)) {
        return Some("playout is asked where it stopped");
    }
    if let Some(utterance) = &facts.utterance {
        let longest = utterance.opened + Duration::from_secs(if facts.config.push_to_talk { 61 } else { 31 });
        let hold = facts.config.turn_detection.semantic_wait.unwrap_or(1200).max(facts.config.asr.max_silence);
        match utterance.pause {
            None if now <= longest => return Some("the user speaks"),
            Some((_, asked)) if !utterance.has_text && within(asked, TRANSCRIPT_WAIT) => return Some("recognition"),
            Some((from, _)) if within(from, Duration::from_millis(hold.into())) => {
                return Some("the turn is held open");
            }
            None | Some(_) => {}
        }
    }
    let Some((_, answer)) = facts.current() else {
        let idle = matches!(facts.state, AgentState::Listening | AgentState::Idle) && facts.utterance.is_none();
        return idle.then_some("it is the user's turn");
    };
    let front = answer.segments.iter().find(|segment| !facts.is_settled(segment));
    match front.map(|segment| segment.stage) {
        Some(Stage::Handed(at))
            if within(at.max(facts.last_progress).max(facts.here_since.unwrap_or(at)), SYNTHESIS_WAIT) =>
        {
            Some("synthesis")
        }
        Some(Stage::Audible(at))
            if within(at.max(facts.last_progress).max(facts.here_since.unwrap_or(at)), PLAYOUT_WAIT) =>
        {
            Some("playout begins")
        }
        // What there was of it has been heard.
        Some(Stage::Playing(_))
            if front.is_some_and(|segment| segment.duration_ms.is_none()) && within(silent_since, SYNTHESIS_WAIT) =>
        {
            Some("synthesis")
        }
        Some(Stage::Playing(at))
            if front.is_some_and(|segment| {
                segment.duration_ms.is_some_and(|ms| within(at, Duration::from_millis(ms.into()) + PLAYOUT_SLACK))
            }) =>
        {
            Some("playout ends")
        }
        _ if answer.expected_since.is_some_and(|since| within(since.max(facts.last_progress), TEXT_WAIT)) => {
            Some(MODEL)
        }
        _ => None,
    }
}

/// Segments in flight, history, clips and what waits at the edge have limits.
fn everything_is_bounded(facts: &Facts, scene: &Scene) -> Verdict {
    let flying = facts
        .current()
        .map_or(0, |(_, answer)| answer.segments.iter().filter(|segment| !facts.is_settled(segment)).count());
    let counts = (flying, scene.history, facts.clips.len(), scene.waiting);
    unless(flying > 5 || scene.history > 128 || facts.clips.len() > 17 || scene.waiting > 20_000, || {
        format!("{counts:?}")
    })
}

/// The history as it must be.
pub(crate) fn same_history(got: &[Message], facts: &Facts) -> Verdict {
    unless(!facts.is_pieced && got != facts.history.as_slice(), || {
        format!("the history is {got:?}, said and heard was {:?}", facts.history)
    })
}
