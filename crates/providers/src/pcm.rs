//! Speech that a service streams as bare samples: signed 16 bit, little endian, mono.

use crate::http::{Service, error};
use crate::{ProviderError, SpeechEvent};
use reqwest::{Response, header};
use tokio::sync::mpsc;

/// Longest speech of one request, in s; the rest is not read.
const MAX_SECONDS: usize = 300;

/// Streams an answer's samples into `events`. The caller sends the ending.
pub(crate) async fn stream(
    service: &Service,
    mut response: Response,
    rate: u32,
    events: &mpsc::Sender<SpeechEvent>,
) -> Result<(), ProviderError> {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().trim_start().to_ascii_lowercase();
    if content_type.starts_with("text/") || content_type.starts_with("application/json") {
        let body = service.body(response, 64 * 1024).await?;
        let body = service.quote(&String::from_utf8_lossy(&body));
        return Err(error(format!("{} answered with no sound: {body}", service.who), true));
    }
    let mut samples = Samples::default();
    let (mut left, mut wait) = (MAX_SECONDS * rate as usize, service.patience.first_byte);
    let mut is_empty = true;
    while let Some(bytes) = service.next_bytes(&mut response, wait).await? {
        wait = service.patience.idle;
        let mut audio = samples.read(&bytes);
        audio.truncate(left);
        left -= audio.len();
        if audio.is_empty() {
            continue;
        }
        is_empty = false;
        // A reader who has left is noticed outside.
        if events.send(SpeechEvent::Audio(audio)).await.is_err() || left == 0 {
            return Ok(());
        }
    }
    if is_empty { Err(error(format!("{} gave no sound", service.who), true)) } else { Ok(()) }
}

/// Samples out of bytes that arrive cut anywhere.
#[derive(Debug, Default)]
struct Samples {
    /// The first byte of a sample whose second has not come.
    half: Option<u8>,
}

impl Samples {
    fn read(&mut self, bytes: &[u8]) -> Vec<f32> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        for byte in bytes.iter().copied() {
            match self.half.take() {
                Some(low) => samples.push(f32::from(i16::from_le_bytes([low, byte])) / 32_768.0),
                None => self.half = Some(byte),
            }
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_same_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = [0i16, i16::MAX, i16::MIN, -1].into_iter().flat_map(i16::to_le_bytes).collect();
        for size in 1..=bytes.len() {
            let mut samples = Samples::default();
            let read: Vec<f32> = bytes.chunks(size).flat_map(|piece| samples.read(piece)).collect();
            assert_eq!(read, [0.0, 32_767.0 / 32_768.0, -1.0, -1.0 / 32_768.0], "in pieces of {size}");
        }
    }
}
