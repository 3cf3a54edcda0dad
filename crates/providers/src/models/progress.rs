//! How long work tells what it is doing. The command line draws bars from it; tests and scripts pass `()`.

/// A kind of work with a known number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Download,
    /// Hashing.
    Check,
    /// Taking members out of archives.
    Unpack,
    Convert,
}

/// Receives what happens, in order: `start`, any number of `advance`, `finish`; steps do not nest.
/// A step that fails is not finished.
pub trait Progress {
    /// `what` is an archive or file name, `total` its bytes.
    fn start(&mut self, step: Step, what: &str, total: u64);
    /// `done` of the step's total bytes; never falls within a step.
    fn advance(&mut self, done: u64);
    fn finish(&mut self);
}

/// Nobody looks.
impl Progress for () {
    fn start(&mut self, _: Step, _: &str, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn finish(&mut self) {}
}
