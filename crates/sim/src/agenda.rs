//! What will happen, ordered by call time; of one moment in the order in which it was put down.

use ringline_model::CallTime;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug)]
struct Entry<T> {
    at: CallTime,
    turn: u64,
    what: T,
}

#[derive(Debug)]
pub(crate) struct Agenda<T> {
    entries: BinaryHeap<Entry<T>>,
    turn: u64,
}

impl<T> Agenda<T> {
    pub fn new() -> Self {
        Self { entries: BinaryHeap::new(), turn: 0 }
    }

    pub fn put(&mut self, at: CallTime, what: T) {
        self.turn += 1;
        self.entries.push(Entry { at, turn: self.turn, what });
    }

    pub fn next_at(&self) -> Option<CallTime> {
        self.entries.peek().map(|entry| entry.at)
    }

    pub fn take(&mut self) -> Option<(CallTime, T)> {
        self.entries.pop().map(|entry| (entry.at, entry.what))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

// The soonest is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.turn).cmp(&(self.at, self.turn))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}
