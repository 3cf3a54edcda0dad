//! The recording as a player reads it, and after the process was killed.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Packet, Sender, speech_packets, voice};
use ogg::PacketReader;
use ringline_audio::{AudioError, MAX_GAP, MAX_HEADER, OggTrack, OggTrackConfig};
use std::io::Cursor;

fn config() -> OggTrackConfig {
    OggTrackConfig {
        serial: 42,
        channels: 1,
        pre_skip: 312,
        input_rate: 48_000,
        vendor: "ringline".into(),
        comments: vec!["TRACK=user".into(), "CALL=c-1".into()],
    }
}

fn at(packet: &Packet) -> u64 {
    packet.rtp_time - 77_777
}

/// What a reader finds: each packet with the granule position of its page and whether it ends the page.
#[derive(Debug, PartialEq)]
struct Found {
    data: Vec<u8>,
    granule: u64,
    ends_page: bool,
    ends_stream: bool,
}

/// Everything up to a clean end of the file; a broken page or a cut one would panic.
fn read(file: &[u8]) -> Vec<Found> {
    let mut reader = PacketReader::new(Cursor::new(file));
    let mut found = Vec::new();
    while let Some(packet) = reader.read_packet().unwrap() {
        assert_eq!(packet.stream_serial(), 42);
        found.push(Found {
            granule: packet.absgp_page(),
            ends_page: packet.last_in_page(),
            ends_stream: packet.last_in_stream(),
            data: packet.data,
        });
    }
    found
}

fn duration(found: &Found) -> u64 {
    u64::from(ringline_audio::packet_duration(&found.data).unwrap())
}

/// Each page's granule position must be the sum of the durations up to its end.
fn assert_granules_count_samples(audio: &[Found]) {
    let mut position = 0;
    for packet in audio {
        position += duration(packet);
        if packet.ends_page {
            assert_eq!(packet.granule, position);
        }
    }
}

#[test]
fn headers_say_what_was_configured_and_stand_on_their_own_pages() {
    let track = OggTrack::new(Vec::new(), &config()).unwrap();
    let found = read(&track.finish().unwrap());
    assert_eq!(found[0].data, b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0");
    let tags = b"OpusTags\x08\0\0\0ringline\x02\0\0\0\x0a\0\0\0TRACK=user\x08\0\0\0CALL=c-1";
    assert_eq!(found[1].data, tags);
    assert!(found[..2].iter().all(|p| p.ends_page && p.granule == 0));
}

#[test]
fn packets_are_kept_as_they_are_and_granules_are_media_positions() {
    let packets = Sender::speech(true).packets(&voice(48_000, 240_000), &[960, 480, 2880, 120]);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    for packet in &packets {
        track.packet(at(packet), &packet.payload).unwrap();
    }
    let total = packets.iter().map(|p| p.duration).sum::<u64>();
    assert_eq!(track.position(), total);
    let found = read(&track.finish().unwrap());
    let kept: Vec<_> = found[2..].iter().map(|p| &p.data).collect();
    assert_eq!(kept, packets.iter().map(|p| &p.payload).collect::<Vec<_>>());
    assert_granules_count_samples(&found[2..]);
    let last = found.last().unwrap();
    assert!(last.ends_stream && last.granule == total);
    // Without any flush no page is longer than a second, give or take a packet.
    let ends: Vec<u64> = found[2..].iter().filter(|p| p.ends_page).map(|p| p.granule).collect();
    assert!(ends.len() >= 4 && ends.windows(2).all(|w| w[1] - w[0] <= 48_000 + 2880), "{ends:?}");
}

#[test]
fn after_every_flush_the_file_so_far_is_whole_and_holds_everything() {
    let packets = speech_packets(120);
    let mut cuts = Vec::new();
    let mut track = OggTrack::new(Vec::<u8>::new(), &config()).unwrap();
    for (n, packet) in packets.iter().enumerate() {
        track.packet(at(packet), &packet.payload).unwrap();
        if n % 7 == 6 {
            track.flush().unwrap();
            track.flush().unwrap(); // nothing new: writes nothing
            cuts.push((n + 1, track.get_ref().len()));
        }
    }
    let whole = track.finish().unwrap();
    assert!(cuts.len() > 10);
    for (count, length) in cuts {
        let found = read(&whole[..length]);
        assert_eq!(found.len(), 2 + count, "all packets, and none twice");
        assert_eq!(found[1 + count].data, packets[count - 1].payload);
        assert_eq!(found[1 + count].granule, count as u64 * 960);
        assert_granules_count_samples(&found[2..]);
    }
}

#[test]
fn a_track_cut_anywhere_keeps_all_pages_that_were_flushed_before() {
    let packets = speech_packets(30);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    for packet in &packets[..20] {
        track.packet(at(packet), &packet.payload).unwrap();
    }
    track.flush().unwrap();
    let flushed = track.get_ref().len();
    for packet in &packets[20..] {
        track.packet(at(packet), &packet.payload).unwrap();
    }
    let whole = track.finish().unwrap();
    for cut in (flushed..whole.len()).step_by(97) {
        let mut reader = PacketReader::new(Cursor::new(&whole[..cut]));
        let kept = std::iter::from_fn(|| reader.read_packet().ok().flatten()).count();
        assert_eq!(kept, 22, "cut at {cut}");
    }
}

#[test]
fn a_gap_is_filled_with_silence_of_its_length() {
    let packets = speech_packets(3);
    // The first packet comes late; then 1.2345 s are missing, which is not a multiple of 2.5 ms.
    let places = [4_800, 4_800 + 960 + 59_256, 4_800 + 960 + 59_256 + 960];
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    for (place, packet) in places.iter().zip(&packets) {
        track.packet(*place, &packet.payload).unwrap();
    }
    let rest = 59_256 % 120;
    assert_eq!(track.stats().silence_filled, 4_800 + 59_256 - rest);
    assert_eq!(track.position(), places[2] + 960 - rest);
    let found = read(&track.finish().unwrap());
    assert_granules_count_samples(&found[2..]);
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
    let mut pcm = Vec::new();
    for packet in &found[2..] {
        let mut out = vec![0.0; duration(packet) as usize];
        decoder.decode_float(&packet.data, &mut out, false).unwrap();
        pcm.extend(out);
    }
    assert!(pcm[..4_800].iter().all(|s| s.abs() < 1e-6));
    // Half a packet into the second gap the first packet has rung out.
    let silent = places[0] as usize + 960 + 480..places[1] as usize - 120;
    assert!(pcm[silent].iter().all(|s| s.abs() < 1e-3));
}

#[test]
fn what_does_not_fill_a_packet_is_made_up_for_in_the_next_gap() {
    let packets = speech_packets(40);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    // Every packet comes 1 ms later than the one before ended.
    for (n, packet) in packets.iter().enumerate() {
        let place = n as u64 * (960 + 48);
        track.packet(place, &packet.payload).unwrap();
        let error = (place + 960).abs_diff(track.position());
        assert!(error < 120, "packet {n} is {error} samples off");
    }
}

#[test]
fn a_gap_beyond_the_limit_is_left_to_the_granule_positions() {
    let packets = speech_packets(2);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    track.packet(0, &packets[0].payload).unwrap();
    let place = 960 + MAX_GAP + 4_800;
    track.packet(place, &packets[1].payload).unwrap();
    assert_eq!((track.stats().holes, track.stats().silence_filled), (1, MAX_GAP));
    let found = read(&track.finish().unwrap());
    assert_eq!((found[2].granule, found[2].ends_page), (960, true), "the hole lies between two pages");
    assert_eq!(found.last().unwrap().granule, place + 960);
    let audio: u64 = found[2..].iter().map(duration).sum();
    assert_eq!(audio, 960 + MAX_GAP + 960);
}

#[test]
fn a_place_far_beyond_any_call_neither_fills_the_disk_nor_overflows() {
    let packets = speech_packets(2);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    for _ in 0..2 {
        track.packet(u64::MAX, &packets[0].payload).unwrap();
    }
    assert!(track.finish().unwrap().len() < 500_000);
}

#[test]
fn a_packet_whose_place_is_taken_is_left_out() {
    let packets = speech_packets(4);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    track.packet(0, &packets[0].payload).unwrap();
    track.packet(0, &packets[0].payload).unwrap();
    track.packet(960 - 119, &packets[1].payload).unwrap();
    track.packet(960, &packets[2].payload).unwrap();
    assert_eq!((track.stats().packets, track.stats().late), (2, 2));
    assert_eq!(track.position(), 1920);
}

#[test]
fn an_end_right_after_a_flush_adds_no_audio() {
    let packets = speech_packets(5);
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    for packet in &packets {
        track.packet(at(packet), &packet.payload).unwrap();
    }
    track.flush().unwrap();
    let found = read(&track.finish().unwrap());
    let last = found.last().unwrap();
    assert!(last.ends_stream);
    assert_eq!(last.granule, 5 * 960, "a player cuts what lies behind the last granule position");
}

#[test]
fn what_cannot_be_a_track_is_refused() {
    let refused = |change: fn(&mut OggTrackConfig)| {
        let mut config = config();
        change(&mut config);
        OggTrack::new(Vec::new(), &config).unwrap_err()
    };
    assert!(matches!(refused(|c| c.channels = 0), AudioError::Channels(0)));
    assert!(matches!(refused(|c| c.channels = 3), AudioError::Channels(3)));
    assert!(matches!(refused(|c| c.vendor = "x".repeat(MAX_HEADER)), AudioError::HeaderTooLong { .. }));
    let mut track = OggTrack::new(Vec::new(), &config()).unwrap();
    assert!(matches!(track.packet(0, &[]), Err(AudioError::NotOpus)));
    assert!(matches!(track.packet(0, &[0xfb, 0]), Err(AudioError::NotOpus)));
    assert_eq!(track.position(), 0);
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(OggTrack::new(Full, &config()), Err(AudioError::Write(_))));
}
