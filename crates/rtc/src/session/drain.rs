//! Stepping str0m: one mutation, then polling until it is quiet; never a panic to the outside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use str0m::channel::ChannelData;
use str0m::media::MediaData;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use super::Session;
use crate::RtcError;
use crate::event::{AudioPacket, CloseReason, PeerEvent};
use crate::limits::{MAX_QUEUED_DATAGRAMS, MAX_QUEUED_EVENTS, MAX_TEXT_BYTES};

impl Session {
    /// Makes one mutation and drains. An error is the mutation's; the session goes on, unless it ended while
    /// draining.
    pub(super) fn step<T>(
        &mut self,
        now: Instant,
        mutate: impl FnOnce(&mut Rtc) -> Result<T, str0m::RtcError>,
    ) -> Result<T, RtcError> {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let result = mutate(&mut self.rtc);
            self.drain(now);
            result
        }));
        match outcome {
            Ok(result) => result.map_err(|error| RtcError::Negotiation { reason: error.to_string() }),
            Err(_) => {
                tracing::error!("the WebRTC library panicked; this session ends");
                self.end(CloseReason::Defect);
                Err(RtcError::WrongState { reason: "it has ended" })
            }
        }
    }

    /// Makes one mutation that can't fail, lets the library see that it is `now`, and drains. An error of the library's own
    /// time-keeping would come again at once, for ever, so it ends the session.
    pub(super) fn settle_after(&mut self, now: Instant, mutate: impl FnOnce(&mut Rtc)) {
        if self.ended.is_some() {
            return;
        }
        let stepped = self.step(now, |rtc| {
            mutate(rtc);
            rtc.handle_input(Input::Timeout(now))
        });
        if let Err(error) = stepped {
            self.end(CloseReason::Failed { reason: error.to_string() });
        }
    }

    pub(super) fn settle(&mut self, now: Instant) {
        self.settle_after(now, |_| {});
    }

    /// Ends the session. Later endings are ignored: the first reason is the true one.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.ended.is_none() {
            self.ended = Some(reason.clone());
            self.events.push_back(PeerEvent::Closed { reason });
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.library_deadline = at;
                    if !self.apply_red() {
                        break;
                    }
                }
                Ok(Output::Transmit(transmit)) => {
                    if self.transmits.len() < MAX_QUEUED_DATAGRAMS {
                        let sent = transmit.into();
                        if self.red.is_on() {
                            self.again.on_sent(&sent, now);
                        }
                        self.transmits.push_back(sent);
                    } else {
                        self.stats.sends_dropped += 1;
                    }
                }
                Ok(Output::Event(event)) => self.on_event(event, now),
                Err(error) => {
                    self.end(CloseReason::Failed { reason: error.to_string() });
                    break;
                }
            }
        }
        if !self.rtc.is_alive() {
            self.end(CloseReason::Remote);
        }
    }

    /// Brings the library's redundancy switch to where ours is; `true` if that was a mutation to drain after.
    fn apply_red(&mut self) -> bool {
        let (Some(mid), true) = (self.audio, self.red_applied != self.red.is_on()) else { return false };
        if self.rtc.media(mid).is_none() {
            return false;
        }
        self.red_applied = self.red.is_on();
        let mut applied = self.rtc.direct_api().set_red_send(mid, self.red_applied);
        if let Some((second, _)) = self.second {
            applied |= self.rtc.direct_api().set_red_send(second, self.red_applied);
        }
        applied
    }

    fn on_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.path.on_connected(now);
                self.events.push_back(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Connected | IceConnectionState::Completed => self.path.on_ice(true),
                IceConnectionState::Disconnected => self.path.on_ice(false),
                IceConnectionState::New | IceConnectionState::Checking => {}
            },
            Event::MediaData(data) => self.on_media(data),
            Event::ChannelOpen(id, _label) if self.channel.is_none() => {
                self.channel = Some(id);
                self.events.push_back(PeerEvent::ChannelOpen);
            }
            Event::ChannelData(data) => self.on_text(data),
            Event::ChannelClose(id) if Some(id) == self.channel => self.channel = None,
            Event::MediaEgressStats(stats) if Some(stats.mid) == self.audio => {
                self.stats.round_trip = stats.rtt.or(self.stats.round_trip);
                if let Some(fraction) = stats.loss {
                    self.on_loss(fraction, now);
                }
            }
            Event::MediaIngressStats(stats) if Some(stats.mid) == self.audio => {
                if let Some(fraction) = stats.loss {
                    self.red.on_received(fraction);
                }
            }
            Event::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair.and_then(|pair| pair.current_round_trip_time);
                self.stats.round_trip = self.stats.round_trip.or(pair);
            }
            Event::Closed => self.end(CloseReason::Remote),
            // Further channels, bandwidth estimation, RTP mode, statistics of no use; the enum is open.
            _ => {}
        }
    }

    fn on_media(&mut self, data: MediaData) {
        let is_first = Some(data.mid) == self.audio;
        if !is_first && !self.listens_twice {
            self.stats.video_in += 1;
            return;
        }
        let packet = AudioPacket {
            sequence: **data.seq_range.start(),
            rtp_time: data.time.numer(),
            payload: data.data,
            audio_level: data.ext_vals.audio_level,
            received: data.network_time,
        };
        let event = if is_first { PeerEvent::Audio(packet) } else { PeerEvent::SecondAudio(packet) };
        if self.offer_event(event) {
            self.stats.audio_in += 1;
        }
    }

    /// Text may come marked as binary: some clients can only send buffers.
    fn on_text(&mut self, data: ChannelData) {
        let text = (Some(data.id) == self.channel && data.data.len() <= MAX_TEXT_BYTES)
            .then(|| String::from_utf8(data.data).ok())
            .flatten();
        match text {
            Some(text) => {
                if self.offer_event(PeerEvent::Text(text)) {
                    self.stats.texts_in += 1;
                }
            }
            None => self.stats.texts_ignored += 1,
        }
    }

    pub(super) fn on_loss(&mut self, fraction: f32, now: Instant) {
        self.stats.remote_loss = Some(fraction);
        self.red.on_report(fraction, now);
        self.offer_event(PeerEvent::Loss { fraction });
    }

    /// Queues an event that may be dropped; `false` if it was.
    fn offer_event(&mut self, event: PeerEvent) -> bool {
        let room = self.events.len() < MAX_QUEUED_EVENTS;
        if room {
            self.events.push_back(event);
        } else {
            self.stats.events_dropped += 1;
        }
        room
    }
}
