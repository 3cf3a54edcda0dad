//! What the caller's packets become: the traps of a browser's packet stream, one by one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Packet, Sender, correlation, speech_packets, voice};
use ringline_audio::{EarPath, LATE_RUN, MAX_CONCEALED_PACKETS, MAX_FILL, QUIET, has_fec};

/// Samples of a 20 ms packet at 16 kHz.
const FRAME: usize = 320;

fn hear(ear: &mut EarPath, packet: &Packet) -> Option<(u64, Vec<f32>)> {
    ear.receive(packet.sequence, packet.rtp_time, &packet.payload).map(|e| (e.start, e.pcm.to_vec()))
}

/// Hears the packets at `indices`; checks that positions continue, and gives all samples.
fn hear_all<'p>(ear: &mut EarPath, packets: impl IntoIterator<Item = &'p Packet>) -> Vec<f32> {
    let mut all = Vec::new();
    for packet in packets {
        let (start, pcm) = hear(ear, packet).expect("audible");
        assert_eq!(start, all.len() as u64, "before packet {}", packet.sequence);
        all.extend(pcm);
    }
    all
}

#[test]
fn packets_in_order_are_decoded_and_nothing_is_added() {
    let packets = speech_packets(50);
    let mut ear = EarPath::new().unwrap();
    let pcm = hear_all(&mut ear, &packets);
    assert_eq!(pcm.len(), 50 * FRAME);
    let spoken: Vec<f32> = voice(48_000, 48_000).into_iter().step_by(3).collect();
    // The codec's delay: 6.5 ms at the encoder and a little resampling in the decoder.
    let best = (60..160).map(|d| correlation(&pcm[d + 1600..], &spoken[1600..])).fold(0.0, f64::max);
    assert!(best > 0.9, "{best}");
    let stats = ear.stats();
    assert_eq!((stats.packets, stats.lost, stats.concealed, stats.silence_filled), (50, 0, 0, 0));
}

#[test]
fn padding_and_empty_payloads_invent_no_audio() {
    let packets = speech_packets(20);
    let mut ear = EarPath::new().unwrap();
    let mut total = 0;
    // Three padding packets after every fifth one take sequence numbers but no time.
    for (n, packet) in packets.iter().enumerate() {
        let shift = n as u64 / 5 * 3;
        total += ear.receive(packet.sequence + shift, packet.rtp_time, &packet.payload).unwrap().pcm.len();
        if n % 5 == 4 {
            for k in 1..=3 {
                let short: &[u8] = if k == 2 { &[0xf8] } else { &[] };
                assert_eq!(ear.receive(packet.sequence + shift + k, packet.rtp_time, short), None);
            }
        }
    }
    assert_eq!(total, 20 * FRAME);
    let stats = ear.stats();
    assert_eq!((stats.short, stats.lost, stats.concealed, stats.silence_filled), (12, 0, 0, 0));
}

#[test]
fn a_short_payload_as_the_very_first_packet_begins_no_stream() {
    let packets = speech_packets(1);
    let mut ear = EarPath::new().unwrap();
    assert_eq!(ear.receive(5, 0, &[]), None);
    assert_eq!(hear(&mut ear, &packets[0]).unwrap().0, 0);
    assert_eq!(ear.position(), FRAME as u64);
}

#[test]
fn up_to_three_lost_packets_are_concealed_at_their_exact_length() {
    for fec in [true, false] {
        let packets = Sender::speech(fec).packets(&voice(48_000, 96_000), &[960]);
        for lost in 1..=MAX_CONCEALED_PACKETS as usize {
            // Somewhere within a word: pauses have no FEC.
            let next = (30..90).find(|n| has_fec(&packets[*n].payload)).unwrap_or(40);
            let before = next - lost;
            let mut ear = EarPath::new().unwrap();
            hear_all(&mut ear, &packets[..before]);
            let (start, pcm) = hear(&mut ear, &packets[next]).unwrap();
            assert_eq!((start, pcm.len()), ((before * FRAME) as u64, (lost + 1) * FRAME));
            let stats = ear.stats();
            let recovered = u64::from(fec);
            assert_eq!((stats.lost, stats.recovered, stats.silence_filled), (lost as u64, recovered, 0));
            assert_eq!(stats.concealed, (lost as u64 - recovered) * FRAME as u64);
            assert!(pcm[..FRAME].iter().any(|s| s.abs() > 1e-3), "silence instead of concealment");
        }
    }
}

#[test]
fn four_and_more_lost_packets_become_silence_of_the_missing_length() {
    let packets = speech_packets(300);
    for lost in [4, 5, 50, 200] {
        let mut ear = EarPath::new().unwrap();
        hear_all(&mut ear, &packets[..20]);
        let heard =
            ear.receive(packets[20 + lost].sequence, packets[20 + lost].rtp_time, &packets[20 + lost].payload).unwrap();
        assert_eq!((heard.start, heard.pcm.len()), (20 * FRAME as u64, (lost + 1) * FRAME));
        assert_eq!(heard.unknown, 0..lost * FRAME, "nobody knows whether it was speech");
        assert!(heard.pcm[..lost * FRAME].iter().all(|s| *s == 0.0));
        let stats = ear.stats();
        assert_eq!((stats.silence_filled, stats.concealed, stats.recovered), ((lost * FRAME) as u64, 0, 0));
    }
}

#[test]
fn a_gap_beyond_the_limit_moves_the_position_and_fills_nothing() {
    let packets = speech_packets(3);
    for (gap, filled) in [(MAX_FILL, true), (MAX_FILL + 1, false), (u64::from(u32::MAX), false)] {
        let mut ear = EarPath::new().unwrap();
        hear_all(&mut ear, &packets[..2]);
        let after = packets[2].rtp_time + gap * 3;
        let heard = ear.receive(packets[2].sequence, after, &packets[2].payload).unwrap();
        let before = 2 * FRAME as u64;
        assert_eq!(heard.packet_at, (before + gap) * 3);
        if filled {
            assert_eq!((heard.start, heard.pcm.len() as u64), (before, gap + FRAME as u64));
        } else {
            assert_eq!((heard.start, heard.pcm.len()), (before + gap, FRAME));
        }
        assert_eq!(ear.stats().jumps, u64::from(!filled));
        assert_eq!(ear.position(), before + gap + FRAME as u64);
    }
}

#[test]
fn a_pause_of_the_sender_is_silence_although_no_packet_is_missing() {
    let packets = speech_packets(40);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..10]);
    let resumed = &packets[30];
    let heard = ear.receive(packets[10].sequence, resumed.rtp_time, &resumed.payload).unwrap();
    assert_eq!((heard.start, heard.pcm.len()), (10 * FRAME as u64, 21 * FRAME));
    assert!(heard.pcm[..20 * FRAME].iter().all(|s| *s == 0.0));
    assert_eq!(heard.packet_at, 30 * 960);
    assert!(heard.unknown.is_empty(), "a pause is known to be one");
    let stats = ear.stats();
    assert_eq!((stats.lost, stats.concealed, stats.silence_filled), (0, 0, 20 * FRAME as u64));
}

#[test]
fn a_loss_within_a_pause_conceals_one_packet_and_not_the_pause() {
    let packets = Sender::speech(false).packets(&voice(48_000, 96_000), &[960]);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..10]);
    let resumed = &packets[30];
    let length = ear.receive(packets[11].sequence, resumed.rtp_time, &resumed.payload).unwrap().pcm.len();
    assert_eq!(length, 21 * FRAME);
    let stats = ear.stats();
    assert_eq!((stats.lost, stats.concealed, stats.silence_filled), (1, FRAME as u64, 19 * FRAME as u64));
}

#[test]
fn a_late_or_repeated_packet_is_dropped_and_counted() {
    let packets = speech_packets(10);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..3]);
    hear(&mut ear, &packets[4]).unwrap();
    assert_eq!(hear(&mut ear, &packets[3]), None);
    assert_eq!(hear(&mut ear, &packets[4]), None);
    assert_eq!(hear(&mut ear, &packets[5]).unwrap(), (5 * FRAME as u64, hear_reference(&packets, &[0, 1, 2, 4, 5])));
    assert_eq!(ear.stats().late, 2);
}

/// The last packet's samples after hearing `indices`.
fn hear_reference(packets: &[Packet], indices: &[usize]) -> Vec<f32> {
    let mut ear = EarPath::new().unwrap();
    indices.iter().map(|i| hear(&mut ear, &packets[*i]).unwrap().1).last().unwrap()
}

#[test]
fn a_sender_that_counts_anew_is_heard_again_where_it_was_left() {
    let packets = speech_packets(100);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..10]);
    for (n, packet) in packets.iter().enumerate() {
        let heard = ear.receive(n as u64, n as u64 * 960, &packet.payload).map(|e| (e.start, e.pcm.len()));
        let dropped = n < LATE_RUN as usize;
        let place = (10 + n as u64).saturating_sub(u64::from(LATE_RUN)) * FRAME as u64;
        assert_eq!(heard, (!dropped).then_some((place, FRAME)), "packet {n}");
    }
    assert_eq!((ear.stats().late, ear.stats().restarts), (u64::from(LATE_RUN), 1));
}

#[test]
fn a_new_stream_continues_behind_what_was_heard() {
    let packets = speech_packets(4);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..2]);
    ear.restart();
    let heard = ear.receive(3, 1_000_000_000, &packets[2].payload).unwrap();
    assert_eq!((heard.start, heard.pcm.len(), heard.packet_at), (2 * FRAME as u64, FRAME, 2 * 960));
    let heard = ear.receive(5, 1_000_000_000 + 2 * 960, &packets[3].payload).unwrap();
    assert_eq!((heard.start, heard.pcm.len()), (3 * FRAME as u64, 2 * FRAME));
}

#[test]
fn a_sender_whose_time_goes_back_is_put_behind_what_was_heard() {
    let packets = speech_packets(4);
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..2]);
    for (n, time) in [(2, 0), (3, 960)] {
        let heard = ear.receive(packets[n].sequence, time, &packets[n].payload).unwrap();
        assert_eq!((heard.start, heard.pcm.len()), (n as u64 * FRAME as u64, FRAME));
    }
    assert_eq!(ear.stats().rebased, 1);
}

#[test]
fn every_packet_duration_of_opus_keeps_its_place() {
    for duration in [120, 240, 480, 960, 1920, 2880] {
        let packets = Sender::speech(true).packets(&voice(48_000, 48_000), &[duration]);
        let mut ear = EarPath::new().unwrap();
        let frame = duration / 3;
        assert_eq!(hear_all(&mut ear, &packets[..4]).len(), 4 * frame);
        // One is lost, then three, then four.
        for (index, length) in [(5, 2), (9, 4), (14, 5)] {
            let (start, pcm) = hear(&mut ear, &packets[index]).unwrap();
            assert_eq!(start + pcm.len() as u64, (index as u64 + 1) * frame as u64, "{duration}");
            assert_eq!(pcm.len(), length * frame, "{duration}");
        }
        assert_eq!(ear.stats().silence_filled, 4 * frame as u64, "{duration}");
    }
}

#[test]
fn a_packet_that_is_not_opus_is_concealed_at_the_usual_length() {
    let packets = speech_packets(30);
    for broken in [&[0xfb, 0xff, 0xff][..], &[0x03, 0x00], &[0xfb, 0x3f, 1, 2, 3, 4], &[0xfa, 200, 1]] {
        let mut ear = EarPath::new().unwrap();
        hear_all(&mut ear, &packets[..20]);
        let heard = ear.receive(packets[20].sequence, packets[20].rtp_time, broken).unwrap();
        assert_eq!((heard.start, heard.pcm.len()), (20 * FRAME as u64, FRAME));
        assert!(heard.pcm.iter().any(|s| s.abs() > 1e-3), "silence instead of concealment");
        assert_eq!(hear(&mut ear, &packets[21]).unwrap().0, 21 * FRAME as u64);
        let stats = ear.stats();
        assert_eq!((stats.corrupt, stats.concealed), (1, FRAME as u64), "{broken:x?}");
    }
}

#[test]
fn in_band_fec_restores_what_concealment_can_only_guess() {
    let packets = speech_packets(200);
    let whole = hear_all(&mut EarPath::new().unwrap(), &packets);
    let is_lost = |n: usize| n % 7 == 3;

    let mut ear = EarPath::new().unwrap();
    let kept = packets.iter().enumerate().filter(|(n, _)| !is_lost(*n)).map(|(_, p)| p);
    let with_fec = hear_all(&mut ear, kept);

    let mut decoder = opus::Decoder::new(16_000, opus::Channels::Mono).unwrap();
    let mut concealed = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let mut pcm = [0.0; FRAME];
        let payload: &[u8] = if is_lost(n) { &[] } else { &packet.payload };
        decoder.decode_float(payload, &mut pcm, false).unwrap();
        concealed.extend(pcm);
    }

    let restorable: Vec<usize> = (0..199).filter(|n| is_lost(*n) && has_fec(&packets[n + 1].payload)).collect();
    assert!(restorable.len() > 20, "only {} packets have FEC", restorable.len());
    assert_eq!(ear.stats().recovered, restorable.len() as u64);
    let mean = |heard: &[f32]| {
        let all = restorable.iter().map(|n| n * FRAME..(n + 1) * FRAME);
        all.map(|r| correlation(&whole[r.clone()], &heard[r])).sum::<f64>() / restorable.len() as f64
    };
    let (fec, guess) = (mean(&with_fec), mean(&concealed));
    assert!(fec > 0.8 && fec > guess + 0.1, "FEC {fec}, concealment {guess}");
}

#[test]
fn the_buffer_is_the_same_for_every_packet_and_shrinks_after_a_long_gap() {
    let packets = speech_packets(300);
    let mut ear = EarPath::new().unwrap();
    let mut buffer = None;
    for packet in &packets[..100] {
        let heard = ear.receive(packet.sequence, packet.rtp_time, &packet.payload).unwrap();
        assert_eq!(*buffer.get_or_insert(heard.pcm.as_ptr()), heard.pcm.as_ptr());
    }
    // Three seconds are missing: the buffer has to grow once, and what follows is right again.
    assert_eq!(hear(&mut ear, &packets[250]).unwrap().1.len(), 151 * FRAME);
    assert_eq!(hear(&mut ear, &packets[251]).unwrap(), (251 * FRAME as u64, hear_tail(&packets)));
}

fn hear_tail(packets: &[Packet]) -> Vec<f32> {
    let mut ear = EarPath::new().unwrap();
    hear_all(&mut ear, &packets[..100]);
    hear(&mut ear, &packets[250]).unwrap();
    hear(&mut ear, &packets[251]).unwrap().1
}

/// A second of speech, three of a quiet room, a second of speech; with the level that their sender says.
fn with_a_silence() -> Vec<(Packet, i8)> {
    let mut pcm = voice(48_000, 5 * 48_000);
    pcm[48_000..4 * 48_000].iter_mut().for_each(|sample| *sample *= 0.0003);
    let packets = Sender::speech(true).packets(&pcm, &[960]);
    (0..).zip(packets).map(|(n, packet)| (packet, if (50..200).contains(&n) { QUIET } else { -30 })).collect()
}

#[test]
fn of_a_silence_only_the_beginning_is_decoded_and_speech_behind_it_sounds_the_same() {
    let packets = with_a_silence();
    let (mut all, mut spared) = (EarPath::new().unwrap(), EarPath::new().unwrap());
    let (mut heard, mut expected) = (Vec::new(), Vec::new());
    for (packet, level) in &packets {
        expected.extend_from_slice(all.receive(packet.sequence, packet.rtp_time, &packet.payload).unwrap().pcm);
        let ear = spared.receive_at(packet.sequence, packet.rtp_time, &packet.payload, Some(*level)).unwrap();
        assert_eq!(ear.start, heard.len() as u64);
        heard.extend_from_slice(ear.pcm);
    }
    assert_eq!((heard.len(), spared.stats().quiet, all.stats().quiet), (expected.len(), 140, 0));
    assert!(heard[..60 * FRAME] == expected[..60 * FRAME], "up to there nothing is left out");
    assert!(heard[60 * FRAME..200 * FRAME].iter().all(|sample| *sample == 0.0));
    let again = 200 * FRAME;
    assert!(correlation(&heard[again..again + 5 * FRAME], &expected[again..again + 5 * FRAME]) > 0.99);
    assert!(correlation(&heard[again..], &expected[again..]) > 0.999);
}

#[test]
fn a_sender_that_calls_everything_quiet_is_not_believed() {
    let mut ear = EarPath::new().unwrap();
    for (packet, _) in with_a_silence() {
        ear.receive_at(packet.sequence, packet.rtp_time, &packet.payload, Some(-127)).unwrap();
    }
    assert_eq!(ear.stats().quiet, 0);
}

#[test]
fn without_a_level_or_with_a_louder_one_everything_is_decoded() {
    for level in [None, Some(QUIET + 1)] {
        let mut ear = EarPath::new().unwrap();
        for (packet, _) in with_a_silence() {
            ear.receive_at(packet.sequence, packet.rtp_time, &packet.payload, level).unwrap();
        }
        assert_eq!(ear.stats().quiet, 0);
    }
}

#[test]
fn a_loss_inside_a_silence_keeps_positions_true() {
    let mut ear = EarPath::new().unwrap();
    let mut end = 0;
    for (packet, level) in with_a_silence().iter().filter(|(packet, _)| packet.sequence % 7 != 3) {
        let Some(heard) = ear.receive_at(packet.sequence, packet.rtp_time, &packet.payload, Some(*level)) else {
            continue;
        };
        assert_eq!(heard.start, end);
        end += heard.pcm.len() as u64;
    }
    assert!(ear.stats().quiet > 50 && ear.stats().lost > 30);
}
