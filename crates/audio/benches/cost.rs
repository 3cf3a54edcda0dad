//! What a minute of one call's audio costs, in CPU seconds of one thread.
//!
//! `cargo bench -p ringline-audio`, or with `--profile release` to reuse the normal build. Prints the least of
//! seven rounds: other processes can only add to it.

use ringline_audio::{EAR_RATE, EarPath, EchoGuard, MOUTH_FRAME, MOUTH_RATE, MouthEncoder, Playout, Resampler};
use ringline_model::{CallTime, ResponseId, SegmentId};
use std::hint::black_box;

const ROUNDS: usize = 7;
const SECONDS: usize = 10;

fn main() {
    let at_48k = voice(48_000);
    let at_24k = voice(MOUTH_RATE);
    let at_22k = voice(22_050);
    let packets = browser_packets(&at_48k);
    report("ear: packet to 16 kHz", || {
        let mut ear = EarPath::new().expect("decoder");
        for (n, packet) in (0u64..).zip(&packets) {
            black_box(ear.receive(n, n * 960, packet));
        }
    });
    report("ear: the same with 10 % lost", || {
        let mut ear = EarPath::new().expect("decoder");
        for (n, packet) in (0u64..).zip(&packets).filter(|(n, _)| n % 10 != 5) {
            black_box(ear.receive(n, n * 960, packet));
        }
    });
    report("mouth: 24 kHz to packet", || {
        let mut encoder = MouthEncoder::new().expect("encoder");
        for frame in at_24k.chunks_exact(MOUTH_FRAME) {
            black_box(encoder.encode(frame).expect("encodes"));
        }
    });
    report("playout: push and tick", || {
        let mut playout = Playout::new();
        for piece in at_24k.chunks(4096) {
            playout.push(ResponseId(1), SegmentId(1), piece);
        }
        for _ in 0..SECONDS * 50 {
            black_box(playout.tick());
        }
    });
    let at_16k = voice(EAR_RATE);
    report("echo guard, agent and user talking", || {
        let mut guard = EchoGuard::new();
        let frames = at_24k.chunks_exact(MOUTH_FRAME).zip(at_16k.chunks_exact(320));
        for (n, (sent, heard)) in (0u64..).zip(frames) {
            let at = CallTime::from_millis(n * 20);
            guard.sent(at, sent);
            guard.heard(at, heard);
        }
        black_box(guard.voice());
    });
    report("resampler: 22.05 to 24 kHz", || {
        let mut resampler = Resampler::new(22_050, MOUTH_RATE).expect("rates");
        let mut out = Vec::new();
        resampler.push(&at_22k, &mut out);
        resampler.finish(&mut out);
        black_box(out);
    });
}

fn report(what: &str, mut job: impl FnMut()) {
    let least = (0..ROUNDS)
        .map(|_| {
            let before = cpu_ticks();
            // Several times over, as the kernel counts in steps of 10 ms.
            for _ in 0..20 {
                job();
            }
            cpu_ticks() - before
        })
        .min()
        .expect("there are rounds");
    let seconds = least as f64 / 100.0;
    println!("{what:32} {:.4} CPU s per minute of audio", seconds / 20.0 * 60.0 / SECONDS as f64);
}

/// User and system time of this process, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this bench needs Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("after the name").split_whitespace().collect();
    let field = |n: usize| fields[n].parse::<u64>().expect("a number");
    field(11) + field(12)
}

fn browser_packets(pcm: &[f32]) -> Vec<Vec<u8>> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).expect("encoder");
    encoder.set_bitrate(opus::Bitrate::Bits(32_000)).expect("bitrate");
    encoder.set_inband_fec(true).expect("fec");
    encoder.set_packet_loss_perc(10).expect("loss");
    pcm.chunks_exact(960).map(|frame| encoder.encode_vec_float(frame, 1276).expect("encodes")).collect()
}

/// Harmonics that come and go like syllables.
fn voice(rate: u32) -> Vec<f32> {
    (0..rate as usize * SECONDS)
        .map(|n| {
            let t = n as f32 / rate as f32;
            let syllable = 0.5 - 0.5 * (t * 19.0).cos();
            (1..20).map(|h| (t * 800.0 * h as f32).sin() / h as f32).sum::<f32>() * 0.2 * syllable
        })
        .collect()
}
