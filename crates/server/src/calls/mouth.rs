//! The mouth: turns a call's segments into audio, one after the other, and hands it to media. A segment is a text to be
//! synthesised, or a clip that was loaded.
//!
//! One segment is synthesised while the one before plays, so order needs no numbering. Cancelling a response drops what
//! waits and what is under way (dropping the provider's channel cancels it).

use super::clips::Clip;
use super::media::{MediaCommand, MediaCommands};
use super::{CallEvent, CallEvents};
use crate::metrics::ProviderMeter;
use ringline_audio::{LeadTrim, MOUTH_RATE, Resampler};
use ringline_conversation::{Input, Stage};
use ringline_model::{InstanceId, ResponseId, SegmentId};
use ringline_providers::{SpeechEvent, SpeechRequest, Synthesizer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

/// Segments waiting. The conversation keeps fewer in flight; a full queue makes the agent task wait.
const QUEUE: usize = 32;
/// Longest audio of one segment, in s; the rest is dropped.
const MAX_SEGMENT: usize = 60;
/// A clip goes to playout in pieces of so many samples (5 s), each when less than [`AHEAD`] waits there: its queue holds 120 s
/// of all segments.
const PIECE: usize = 5 * MOUTH_RATE as usize;
const AHEAD: Duration = Duration::from_secs(20);
/// From piece to piece of a segment's audio; then it has failed, and what there is of it is played. Before the first piece it is
/// the conversation that gives up: it knows whether somebody waits.
const NEXT_PIECE: Duration = Duration::from_secs(5);
const FIRST_PIECE: Duration = Duration::from_secs(30);
/// At least so long between two looks at the queue, which may be held.
const LOOK: Duration = Duration::from_millis(100);

pub struct Utter {
    pub response: ResponseId,
    pub segment: SegmentId,
    pub source: Source,
}

/// What a segment's audio is made from.
pub enum Source {
    Text(SpeechRequest),
    Clip(Clip),
}

pub struct Mouth {
    queue: mpsc::Sender<Utter>,
    /// Responses below this are cancelled.
    cancelled_below: watch::Sender<u64>,
    span: tracing::Span,
}

impl Mouth {
    pub fn open(
        call: &InstanceId,
        synthesizer: Arc<dyn Synthesizer>,
        meter: ProviderMeter,
        media: MediaCommands,
        events: CallEvents,
    ) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (cancelled_below, cancelled) = watch::channel(0);
        let span = tracing::error_span!("mouth", call.id = %call);
        let task = speak(synthesizer, meter, media, events, inbox, cancelled);
        tokio::spawn(task.instrument(span.clone()));
        Self { queue, cancelled_below, span }
    }

    pub async fn utter(&self, utter: Utter) {
        if self.queue.send(utter).await.is_err() {
            tracing::error!(parent: &self.span, "the mouth of a call is gone");
        }
    }

    /// Drops `response` and every one before it.
    pub fn cancel(&self, response: ResponseId) {
        self.cancelled_below.send_modify(|below| *below = (*below).max(response.0 + 1));
    }
}

async fn speak(
    synthesizer: Arc<dyn Synthesizer>,
    meter: ProviderMeter,
    media: MediaCommands,
    events: CallEvents,
    mut inbox: mpsc::Receiver<Utter>,
    mut cancelled: watch::Receiver<u64>,
) {
    while let Some(Utter { response, segment, source }) = inbox.recv().await {
        if response.0 < *cancelled.borrow_and_update() {
            continue;
        }
        let synthesizer = &*synthesizer;
        let mut line = Line { synthesizer, meter: &meter, media: &media, events: &events, response, segment };
        let span = tracing::error_span!("response", response.id = %response);
        tokio::select! {
            done = line.say(source).instrument(span) => if done.is_err() { return },
            // Dropping the stream inside cancels the synthesis.
            _ = cancelled.wait_for(|below| response.0 < *below) => {}
        }
    }
}

/// The call is gone.
struct Gone;

struct Line<'a> {
    synthesizer: &'a dyn Synthesizer,
    meter: &'a ProviderMeter,
    media: &'a MediaCommands,
    events: &'a CallEvents,
    response: ResponseId,
    segment: SegmentId,
}

impl Line<'_> {
    async fn tell(&self, input: Input) -> Result<(), Gone> {
        self.events.send(CallEvent::Input(input)).await.map_err(|_| Gone)
    }

    async fn play(&self, pcm: Vec<f32>) -> Result<(), Gone> {
        let (response, segment) = (self.response, self.segment);
        self.media.send(MediaCommand::Speak { response, segment, pcm }).await.map_err(|_| Gone)
    }

    /// What was queued of the segment still plays; then the queue goes on behind it.
    async fn fail(&self, error: String) -> Result<(), Gone> {
        self.tell(Input::SegmentFailed { segment: self.segment, error }).await?;
        self.finish().await
    }

    async fn finish(&self) -> Result<(), Gone> {
        let finish = MediaCommand::FinishSegment { response: self.response, segment: self.segment };
        self.media.send(finish).await.map_err(|_| Gone)
    }

    async fn say(&mut self, source: Source) -> Result<(), Gone> {
        match source {
            Source::Text(request) => self.speak(request).await,
            Source::Clip(clip) => self.replay(clip).await,
        }
    }

    /// The conversation knows a clip's length and counts it as audible, so there is nothing to tell it.
    async fn replay(&mut self, clip: Clip) -> Result<(), Gone> {
        for piece in clip.pcm.chunks(PIECE) {
            self.room().await?;
            self.play(piece.to_vec()).await?;
        }
        self.finish().await
    }

    /// Returns when playout has room for a piece.
    async fn room(&self) -> Result<(), Gone> {
        loop {
            let (answer, queued) = oneshot::channel();
            self.media.send(MediaCommand::Queued { answer }).await.map_err(|_| Gone)?;
            let too_much = queued.await.map_err(|_| Gone)?.saturating_sub(AHEAD);
            if too_much.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(too_much.max(LOOK)).await;
        }
    }

    async fn speak(&mut self, request: SpeechRequest) -> Result<(), Gone> {
        let segment = self.segment;
        let mut resampler = match Resampler::new(self.synthesizer.sample_rate(), MOUTH_RATE) {
            Ok(resampler) => resampler,
            Err(error) => return self.fail(error.to_string()).await,
        };
        let mut asked = self.meter.request();
        let mut stream = self.synthesizer.synthesise(request);
        let mut trim = LeadTrim::new();
        let mut resampled = Vec::new();
        let (mut heard, mut samples) = (false, 0);
        loop {
            let mut pcm = Vec::new();
            resampled.clear();
            let wait = if heard { NEXT_PIECE } else { FIRST_PIECE };
            let Ok(event) = tokio::time::timeout(wait, stream.recv()).await else {
                asked.failed();
                return self.fail("the speech stopped coming".to_owned()).await;
            };
            match event {
                Some(SpeechEvent::Audio(audio)) => {
                    asked.answered();
                    resampler.push(&audio, &mut resampled);
                    trim.push(&resampled, &mut pcm);
                    if pcm.is_empty() {
                        continue;
                    }
                    if !heard {
                        heard = true;
                        self.tell(Input::SegmentAudioReady { segment }).await?;
                    }
                    pcm.truncate((MAX_SEGMENT * MOUTH_RATE as usize).saturating_sub(samples));
                    samples += pcm.len();
                    self.play(pcm).await?;
                }
                Some(SpeechEvent::Rate(rate)) => match Resampler::new(rate, MOUTH_RATE) {
                    Ok(of_another) => resampler = of_another,
                    Err(error) => return self.fail(error.to_string()).await,
                },
                Some(SpeechEvent::FellBack { failed, error, next }) => {
                    self.tell(Input::FellBack { stage: Stage::Synthesis, failed, error, next }).await?;
                }
                Some(SpeechEvent::Finished) => {
                    resampler.finish(&mut resampled);
                    trim.push(&resampled, &mut pcm);
                    trim.finish(&mut pcm);
                    samples += pcm.len();
                    self.play(pcm).await?;
                    let duration_ms = (samples as u64 * 1000 / u64::from(MOUTH_RATE)) as u32;
                    self.tell(Input::SegmentSynthesised { segment, duration_ms }).await?;
                    return self.finish().await;
                }
                Some(SpeechEvent::Failed(error)) => {
                    asked.failed();
                    return self.fail(error.to_string()).await;
                }
                None => {
                    asked.failed();
                    return self.fail("the synthesizer stopped without a result".to_owned()).await;
                }
            }
        }
    }
}
