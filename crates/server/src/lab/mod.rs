//! The lab (`ringline lab`): how well turns are taken, measured with audio through the real conversation and the local models,
//! in less time than the audio lasts.
//!
//! [`clips`] says what is played, [`scenes`] what happens in a call and what is measured, [`call`] runs one on virtual time.

mod call;
mod clips;
mod plot;
mod recogniser;
mod report;
mod scenes;

pub use call::Pace;
pub use clips::{Clips, Kind, Set};
pub use plot::plot;
pub use recogniser::{InlineWhisper, Recogniser};
pub use report::Report;
pub use scenes::{Bench, of, room};
