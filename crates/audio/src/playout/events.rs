use crate::MOUTH_FRAME;
use ringline_model::SegmentId;

/// Segments whose end one tick can report.
const ENDS: usize = 4;

/// What one 20 ms of outgoing time consists of. The RTP time advances by one frame with every tick, whichever.
#[derive(Debug, PartialEq)]
pub enum Tick<'a> {
    /// To be encoded and sent, and then reported.
    Frame { pcm: &'a [f32; MOUTH_FRAME], events: Events },
    /// Send a silence packet: speech has just ended, was stopped, or is interrupted by its synthesis.
    Silence,
    /// Send a silence packet: nothing else tells the client that the path lives.
    KeepAlive,
    /// Send nothing.
    Idle,
}

/// What happened with a frame. In order: the ends of empty segments, the start, the end of the frame's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The segment whose first frame this is.
    pub started: Option<SegmentId>,
    finished: [Option<SegmentId>; ENDS],
}

impl Events {
    /// Segments that have ended: their last frame is this one, or they never had any.
    pub fn finished(&self) -> impl Iterator<Item = SegmentId> + use<> {
        self.finished.into_iter().flatten()
    }

    pub fn is_empty(&self) -> bool {
        self.started.is_none() && self.finished[0].is_none()
    }

    pub(super) fn room(&self) -> usize {
        self.finished.iter().filter(|end| end.is_none()).count()
    }

    pub(super) fn finish(&mut self, segment: SegmentId) {
        let free = self.finished.iter_mut().find(|end| end.is_none());
        *free.expect("one report is always left for the frame") = Some(segment);
    }
}
