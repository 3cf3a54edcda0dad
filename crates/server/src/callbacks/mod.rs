//! Callbacks: what happens in a call is told to the agent's app server (server-api §9).
//!
//! An event is stored in the outbox in the same transaction as what it reports ([`Reporter`] makes it, the writer and the
//! doors store it), so nothing that happened goes untold, whenever the process dies. One task ([`dispatch`]) takes
//! events from there and POSTs them. Calls never wait for it: all they share is the store.
//!
//! Contract:
//! - Events of an instance arrive in order, one after the other: the next one is sent when the one before it is settled.
//! - Every event is sent until its receiver has answered 2xx, so a receiver hears of each at least once; more than once
//!   only if its answer did not reach us, or we died before the answer was noted.
//! - A network error, a time-out, 5xx, 429 and anything else that is no answer of the receiver's own is tried again by the
//!   [`Schedule`]. Another 4xx is the receiver's last word: the event is given up, and so is one that has grown too old.
//! - Which events are told is settled when a call starts. Address and token are looked up at every attempt, so that an
//!   operator can mend them while events wait; callbacks that were switched off since are given up.

mod dispatcher;
mod reporter;
mod schedule;
#[cfg(test)]
mod tests;
mod world;

pub use dispatcher::{Dispatcher, Wake, dispatch};
pub use reporter::Reporter;
pub use schedule::Schedule;
pub use world::Customers;
