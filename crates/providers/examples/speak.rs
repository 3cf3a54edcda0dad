//! Speaks a text with the local voice into a WAV file: `speak FILE TEXT [RATE]`. Prints how long it took.

use ringline_providers::local::hibari::Hibari;
use ringline_providers::models::ModelStore;
use ringline_providers::suite::synthesizer::saying;
use ringline_providers::{SpeechEvent, SpeechRequest, Synthesizer};
use std::time::Instant;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, text, rest @ ..] = arguments.as_slice() else { anyhow::bail!("speak FILE TEXT [RATE]") };
    let rate = rest.first().map_or(Ok(1.0), |rate| rate.parse())?;

    let started = Instant::now();
    let store = ModelStore::open_default()?;
    let voice = tokio::task::spawn_blocking(move || Hibari::load(&store)).await??;
    println!("load: {:.2} s", started.elapsed().as_secs_f32());

    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: voice.sample_rate(),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file, spec)?;
    let asked = Instant::now();
    let mut events = voice.synthesise(SpeechRequest { rate, ..saying(text) });
    let mut first = None;
    while let Some(event) = events.recv().await {
        match event {
            SpeechEvent::Audio(audio) => {
                first.get_or_insert_with(|| asked.elapsed());
                for sample in audio {
                    wav.write_sample((sample * f32::from(i16::MAX)) as i16)?;
                }
            }
            SpeechEvent::Rate(_) | SpeechEvent::FellBack { .. } => {}
            SpeechEvent::Finished => break,
            SpeechEvent::Failed(error) => return Err(error.into()),
        }
    }
    let (took, seconds) = (asked.elapsed().as_secs_f32(), wav.duration() as f32 / voice.sample_rate() as f32);
    wav.finalize()?;
    let first = first.unwrap_or_default().as_millis();
    println!("first audio {first} ms; {seconds:.2} s of speech in {took:.3} s, real-time factor {:.4}", took / seconds);
    Ok(())
}
