/// What can fail on the media path. Nothing of it comes from the network: bad packets are concealed and counted.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    #[error("libopus could not {doing}")]
    Codec { doing: &'static str, source: opus::Error },
    #[error("a frame to be encoded has {got} samples instead of {expected}")]
    FrameLength { got: usize, expected: usize },
    #[error("cannot resample from {from} Hz to {to} Hz: both rates must lie between {min} and {max} Hz")]
    Rate { from: u32, to: u32, min: u32, max: u32 },
    #[error("the resampler for {from} Hz to {to} Hz could not be built")]
    Resampler { from: u32, to: u32, source: rubato::ResamplerConstructionError },
    #[error("an Ogg track has one or two channels, not {0}")]
    Channels(u8),
    #[error("the Ogg comment header has {got} bytes, at most {limit} are allowed")]
    HeaderTooLong { got: usize, limit: usize },
    #[error("the payload is not an Opus packet")]
    NotOpus,
    #[error("the track could not be written")]
    Write(#[from] std::io::Error),
}
