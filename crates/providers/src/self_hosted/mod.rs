//! The vendor's own protocols for services that its customers run (server-api §12): speech over one POST for each text
//! (§12.3), recognition over a WebSocket (§12.4). Its language models speak OpenAI's protocol ([`crate::openai`]).
//!
//! Of recognition the vendor's text leaves much open. What stands here is the proposal of §12.4: the token is the base64 of
//! HMAC-SHA256(key, session id); binary frames carry 16 kHz samples of signed 16 bit, little endian, mono; a text frame
//! `{"type":"end"}` ends them; the service sends `{"type":"partial"|"final","text":"…"}`.

mod recognition;
mod speech;

pub use recognition::{RecognitionConfig, SelfHostedRecognizer};
pub use speech::{SelfHostedSynthesizer, SpeechConfig};
