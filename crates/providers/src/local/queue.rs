//! The queue in front of an engine's thread: bounded, first come first served, and free of jobs nobody waits for.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Something that can lose its reader while it waits.
pub(crate) trait Abandonable {
    fn is_abandoned(&self) -> bool;
}

/// Why a job was not taken; the job comes back.
#[derive(Debug)]
pub(crate) enum Refused<J> {
    /// As many jobs wait as may.
    Full(J),
    /// The engine has stopped.
    Closed(J),
}

#[derive(Debug)]
pub(crate) struct JobQueue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    closed: bool,
}

impl<J: Abandonable> JobQueue<J> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { jobs: VecDeque::with_capacity(capacity), closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), capacity }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        // No change to the state can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits. Abandoned jobs make room.
    pub(crate) fn push(&self, job: J) -> Result<(), Refused<J>> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed(job));
        }
        state.jobs.retain(|job| !job.is_abandoned());
        if state.jobs.len() >= self.capacity {
            return Err(Refused::Full(job));
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// The next job that somebody still waits for, if there is one now.
    pub(crate) fn try_pop(&self) -> Option<J> {
        let mut state = self.state();
        std::iter::from_fn(|| state.jobs.pop_front()).find(|job| !job.is_abandoned())
    }

    /// Waits for a job. `None`: the queue is closed.
    pub(crate) fn pop(&self) -> Option<J> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            while let Some(job) = state.jobs.pop_front() {
                if !job.is_abandoned() {
                    return Some(job);
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Refuses new jobs, ends [`Self::pop`], and hands back what was waiting.
    pub(crate) fn close(&self) -> VecDeque<J> {
        let mut state = self.state();
        state.closed = true;
        self.changed.notify_all();
        std::mem::take(&mut state.jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug)]
    struct Job(u32, Arc<AtomicBool>);

    impl Abandonable for Job {
        fn is_abandoned(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }
    }

    fn job(n: u32) -> Job {
        Job(n, Arc::default())
    }

    #[test]
    fn jobs_leave_in_the_order_they_came_and_not_more_than_fit() {
        let queue = JobQueue::new(2);
        assert!(queue.push(job(1)).is_ok() && queue.push(job(2)).is_ok());
        assert!(matches!(queue.push(job(3)), Err(Refused::Full(Job(3, _)))));
        assert_eq!(queue.pop().expect("a job").0, 1);
        assert_eq!(queue.try_pop().expect("a job").0, 2);
        assert!(queue.try_pop().is_none());
    }

    #[test]
    fn abandoned_jobs_make_room_and_are_never_handed_out() {
        let queue = JobQueue::new(1);
        let gone = Arc::new(AtomicBool::new(false));
        queue.push(Job(1, gone.clone())).expect("room");
        gone.store(true, Ordering::Relaxed);
        queue.push(job(2)).expect("the abandoned job made room");
        assert_eq!(queue.try_pop().expect("a job").0, 2);
    }

    #[test]
    fn a_closed_queue_hands_back_its_jobs_and_wakes_who_waits() {
        let queue = Arc::new(JobQueue::new(4));
        let waiting = std::thread::spawn({
            let queue = queue.clone();
            move || queue.pop().is_none()
        });
        queue.close();
        assert!(waiting.join().expect("no panic"));
        assert!(matches!(queue.push(job(1)), Err(Refused::Closed(_))));

        let queue = JobQueue::new(4);
        queue.push(job(7)).expect("room");
        assert_eq!(queue.close().len(), 1);
        assert!(queue.pop().is_none() && queue.is_closed());
    }
}
