//! Supervisors who listen: the packets of both sides, handed to the tasks of their seats.
//!
//! Without listeners a packet costs nothing here. With them it is one reference counted copy and a `try_send` for each; a queue that
//! is full loses the packet, and the call goes on.

use super::Task;
pub use crate::calls::supervision::seat::Listener;
use crate::calls::supervision::seat::{Line, Overheard};
use ringline_rtc::AudioPacket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::error::TrySendError;

#[derive(Default)]
pub struct Audience {
    listeners: Vec<Listener>,
    /// Transports the user has had.
    user: u32,
    /// Packets the user was sent: they have a number here as those received have one.
    sent: u64,
}

impl Audience {
    /// The user has another transport, whose packets count from anew.
    pub fn another_user(&mut self) {
        self.user += 1;
    }

    pub fn hears_user(&mut self, packet: &AudioPacket) {
        let sender = self.user;
        self.tell(None, || Overheard {
            line: Line::User,
            sender,
            sequence: packet.sequence,
            rtp_time: packet.rtp_time,
            payload: packet.payload.clone(),
        });
    }

    /// What the user was sent of the agent's.
    pub fn hears_agent(&mut self, rtp_time: u64, payload: &[u8]) {
        if !self.listeners.is_empty() {
            self.hears_sent(None, rtp_time, &Arc::from(payload));
        }
    }

    /// What the user was sent; whoever said it does not hear it.
    pub fn hears_sent(&mut self, said_by: Option<u64>, rtp_time: u64, payload: &Arc<[u8]>) {
        self.sent += 1;
        let (sender, sequence) = (self.user, self.sent);
        self.tell(said_by, || Overheard { line: Line::Agent, sender, sequence, rtp_time, payload: payload.clone() });
    }

    fn tell(&mut self, but: Option<u64>, packet: impl Fn() -> Overheard) {
        self.listeners.retain(|listener| {
            but == Some(listener.seat) || !matches!(listener.packets.try_send(packet()), Err(TrySendError::Closed(_)))
        });
    }

    /// Nobody but this seat's supervisor has the floor.
    pub fn give_floor(&self, seat: Option<u64>) {
        for listener in &self.listeners {
            listener.floor.store(seat == Some(listener.seat), Ordering::Relaxed);
        }
    }
}

impl Task {
    pub fn listen(&mut self, listener: Listener) {
        self.audience.listeners.push(listener);
        self.audience.give_floor(self.floor());
    }
}
