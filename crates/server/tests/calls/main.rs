//! Calls of real peers with the real server (scripted models).

#![allow(clippy::unwrap_used)]

mod data_channel;
mod line;
mod members;
mod server;
mod supervision;
mod takeover;
