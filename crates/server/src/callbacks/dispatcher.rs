//! The task that takes events from the outbox to their receivers.
//!
//! It claims what is due when it is woken, when an attempt has ended, and every [`TICK`]: that is how retries and events
//! that another process left behind come up. Events that were never tried come before those that wait for another try,
//! so that receivers that are down do not hold up the others.

use super::schedule::{Attempted, Schedule, Verdict};
use super::world::World;
use crate::metrics::METRICS;
use ringline_store::{ClaimedEvent, EventClaim, StoreError, limits};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How late a retry may come.
const TICK: Duration = Duration::from_secs(1);
/// A claim outlives its attempt by this much: the time to note how it went. After a crash an event that was on its way is
/// claimable again once its lease has run out.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// At shutdown: how long what is due may take to get out. The rest stays in the outbox for the next start.
const LAST: Duration = Duration::from_secs(3);
/// Tries to note how an attempt went, [`NOTE_WAIT`] apart. After that the lease runs out, and the event is sent again.
const NOTE_TRIES: u32 = 5;
const NOTE_WAIT: Duration = Duration::from_millis(500);

/// Wakes the dispatcher: there are new events. Cheap, and never waits.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// How to dispatch.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    pub schedule: Schedule,
    /// For a whole attempt.
    pub timeout: Duration,
    /// Attempts at once, over all instances; at most [`limits::CLAIM_EVENTS`] are claimed at a time.
    pub parallel: usize,
}

/// Delivers until `stop` is true and what is due then is out, at most for [`LAST`].
pub async fn dispatch<W: World>(world: Arc<W>, dispatcher: Dispatcher, wake: Wake, mut stop: watch::Receiver<bool>) {
    let dispatcher = Arc::new(dispatcher);
    let mut attempts = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stop.borrow_and_update() {
        start_due(&world, &dispatcher, &mut attempts).await;
        tokio::select! {
            Some(ended) = attempts.join_next(), if !attempts.is_empty() => note_end(ended),
            () = wake.0.notified() => {}
            _ = tick.tick() => {}
            changed = stop.changed() => {
                if changed.is_err() {
                    break;
                }
            }
        }
    }
    let until = Instant::now() + LAST;
    loop {
        start_due(&world, &dispatcher, &mut attempts).await;
        match tokio::time::timeout_at(until, attempts.join_next()).await {
            Ok(Some(ended)) => note_end(ended),
            Ok(None) => return,
            Err(_) => {
                tracing::info!(
                    left = attempts.len(),
                    "callbacks that were on their way are tried again at the next start"
                );
                return;
            }
        }
    }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "an attempt to deliver a callback ended early");
    }
}

async fn start_due<W: World>(world: &Arc<W>, dispatcher: &Arc<Dispatcher>, attempts: &mut JoinSet<()>) {
    let free = dispatcher.parallel.saturating_sub(attempts.len()).min(limits::CLAIM_EVENTS as usize);
    if free == 0 {
        return;
    }
    let now_ms = world.now_ms();
    let lease = i64::try_from((dispatcher.timeout + LEASE_MARGIN).as_millis()).unwrap_or(i64::MAX);
    match world.store().claim_events(now_ms, now_ms.saturating_add(lease), free as u32).await {
        Ok(claimed) => {
            for event in claimed {
                attempts.spawn(attempt(world.clone(), dispatcher.clone(), event));
            }
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::warn!(error = format!("{error:#}"), "callbacks wait: the outbox could not be read");
        }
    }
}

/// Tries to deliver one event, and notes what becomes of it.
async fn attempt<W: World>(world: Arc<W>, dispatcher: Arc<Dispatcher>, claimed: ClaimedEvent) {
    let ClaimedEvent { claim, instance, agent, event } = claimed;
    let EventClaim { attempt, .. } = claim;
    let agent = world.store().agent(&agent).await;
    let verdict = match agent.map(|found| found.map(|agent| agent.settings.callbacks)) {
        Ok(Some(settings)) if settings.enabled && !settings.url.is_empty() => {
            let attempted = world.post(&settings, event.body, dispatcher.timeout).await;
            let verdict = dispatcher.schedule.judge(&attempted, attempt, event.at_ms, world.now_ms());
            METRICS.callback_attempt(match &verdict {
                Verdict::Delivered => "delivered",
                Verdict::Again { .. } => "again",
                Verdict::GivenUp(_) => "given_up",
            });
            let answer = match &attempted {
                Attempted::Answered(status) => format!("HTTP {status}"),
                Attempted::Failed(error) => error.clone(),
            };
            match &verdict {
                Verdict::Delivered => tracing::debug!(call.id = %instance, event = event.name, attempt, "told"),
                // Often enough to be seen, not to fill the log.
                Verdict::Again { .. } if attempt.is_power_of_two() => {
                    tracing::warn!(call.id = %instance, event = event.name, attempt, answer, "a callback did not get through; it is tried again");
                }
                Verdict::Again { .. } => {}
                Verdict::GivenUp(why) => {
                    tracing::warn!(call.id = %instance, event = event.name, attempt, answer, "a callback is given up: {why}");
                }
            }
            verdict
        }
        Ok(_) => {
            tracing::warn!(call.id = %instance, event = event.name, "a callback is given up: the agent's callbacks are off or the agent is deleted");
            Verdict::GivenUp("nobody is to be told")
        }
        // The lease runs out, and it is tried again.
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::warn!(call.id = %instance, error = format!("{error:#}"), "a callback waits: its agent could not be read");
            return;
        }
    };
    for n in 1.. {
        let noted: Result<bool, StoreError> = match verdict {
            Verdict::Delivered | Verdict::GivenUp(_) => world.store().settle_event(&claim).await,
            Verdict::Again { due_ms } => world.store().postpone_event(&claim, due_ms).await,
        };
        match noted {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(call.id = %instance, event = event.name, "a callback's lease ran out; it may be told twice");
                return;
            }
            Err(_) if n < NOTE_TRIES => tokio::time::sleep(NOTE_WAIT).await,
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!(call.id = %instance, event = event.name, error = format!("{error:#}"), "how a callback went could not be noted; it is told again");
                return;
            }
        }
    }
}
