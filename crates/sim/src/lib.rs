//! Simulated calls: the real conversation on virtual time, with everything around it made up from one seed.
//!
//! Flow of a call ([`call`]):
//!
//! 1. The seed chooses a configuration ([`settings`]), the caller's temper ([`caller`]), the moods of the providers
//!    ([`mood`]), and what app server and operator will do ([`operator`]).
//! 2. What will happen stands in an agenda ordered by call time. The world takes whatever is next: a happening, or the
//!    conversation's deadline. Happenings at the edge become inputs; a step's outputs are carried out at the edge, which
//!    puts its answers on the agenda.
//! 3. The edges keep the order and the delays that the server's tasks have: `ears` (voice activity, recognition, end of
//!    turn), `language_model`, `mouth` (synthesis, one segment after the other), `playout` (the media clock, in 20 ms), `clips`.
//!    All of them speak to the conversation through one channel, in the order in which they spoke; what they had said
//!    before they were told to stop still arrives.
//! 4. After every step the facts of the call are brought up to date ([`facts`]) and every rule is asked ([`rules`]); at the end
//!    those about whole calls ([`endings`]). The first rule that is broken ends the call.
//!
//! The same seed gives the same call. There is no clock, task or I/O in the library; the binary has threads and a clock.
//!
//! What is left out: audio (the lab measures what hears it), the wire, the store.

mod agenda;
mod call;
mod caller;
mod chance;
mod clips;
mod ears;
mod edge;
mod endings;
mod facts;
mod language_model;
mod mood;
mod mouth;
mod operator;
mod playout;
mod rules;
mod settings;
mod tally;
mod timeline;
mod words;
mod world;

pub use call::{Call, Violation, call};
pub use tally::Tally;
pub use timeline::timeline;
