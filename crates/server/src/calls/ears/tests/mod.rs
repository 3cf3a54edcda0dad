//! Ears by themselves, on the time they are told.

mod logs;
mod loss;
