//! From what a conversation records to what the app server is told (server-api §9.3).

use ringline_conversation::{EndReason, Event, Milestone, Output, Stage};
use ringline_model::CallTime;
use ringline_protocol::callback::{ChatRecord, Failure, Happened, StageTimes, StopReason};
use ringline_store::DialogueRecord;

/// What a step reports by itself: what a dialogue entry or the session's start reports is stored with those.
pub fn of_step(outputs: &[Output], unix_ms: impl Fn(CallTime) -> i64) -> impl Iterator<Item = Happened> {
    outputs.iter().filter_map(move |output| match output {
        Output::Record { event } => of_event(event, &unix_ms),
        _ => None,
    })
}

fn of_event(event: &Event, unix_ms: impl Fn(CallTime) -> i64) -> Option<Happened> {
    match event {
        Event::Milestone { milestone, sentence, requested, answered } => {
            let times =
                StageTimes { sentence: sentence.0, requested_ms: unix_ms(*requested), answered_ms: unix_ms(*answered) };
            Some(match milestone {
                Milestone::IntentDetected => Happened::IntentDetected(times),
                Milestone::IntentRecognised => Happened::IntentRecognized(times),
                Milestone::FirstText => Happened::LlmDataReceived(times),
                Milestone::FirstAudio => Happened::TtsDataReceived(times),
            })
        }
        Event::ProviderFailed { stage, .. } => Some(Happened::Error(match stage {
            Stage::Recognition => Failure::Recognition,
            Stage::Generation => Failure::Generation,
            Stage::Synthesis => Failure::Synthesis,
            Stage::Clip => Failure::Audio,
            // The model is told, and the call goes on.
            Stage::Tool => return None,
        })),
        Event::SessionStarted
        | Event::FellBack { .. }
        | Event::Dialogue { .. }
        | Event::Interrupted { .. }
        | Event::Overlap { .. }
        | Event::Resumed { .. }
        | Event::Latency { .. }
        | Event::TakeoverCancelled { .. }
        | Event::HandedBack { .. } => None,
    }
}

pub fn of_dialogue(dialogue: &DialogueRecord) -> Happened {
    Happened::ChatRecord(ChatRecord {
        request_id: uuid::Uuid::new_v4().to_string().to_uppercase(),
        dialogue_id: dialogue.id.clone(),
        round_id: dialogue.round.clone(),
        producer: dialogue.producer.as_str(),
        kind: dialogue.kind.as_str(),
        text: dialogue.text.clone(),
        time_ms: dialogue.time_ms,
    })
}

pub const fn of_end(reason: EndReason) -> Happened {
    Happened::AgentStop(match reason {
        EndReason::UserNeverJoined => StopReason::UserNeverJoined,
        EndReason::UserLeft => StopReason::UserLeft,
        EndReason::Idle => StopReason::Idle,
        EndReason::StoppedByClient => StopReason::StoppedByClient,
        EndReason::StoppedByApi => StopReason::StoppedByApi,
        EndReason::Drained => StopReason::Drained,
        EndReason::TakeoverEnded => StopReason::TakeoverEnded,
        EndReason::HungUp => StopReason::HungUp,
        EndReason::UserIdle => StopReason::UserIdle,
        EndReason::ProviderFailed => StopReason::ProviderFailed,
    })
}
