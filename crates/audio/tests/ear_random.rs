//! Media time stays true under any loss, order and content.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Packet, Sender, voice};
use proptest::prelude::*;
use ringline_audio::{EarPath, MAX_FILL};
use std::sync::LazyLock;

/// Ten seconds in packets of all durations.
static PACKETS: LazyLock<Vec<Packet>> = LazyLock::new(|| {
    let pcm = voice(48_000, 480_000);
    Sender::speech(true).packets(&pcm, &[960, 960, 960, 480, 2880, 960, 120, 1920, 240, 960])
});

#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    Lost,
    Doubled,
    /// Swapped with the next one.
    Late,
    Corrupt,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Doubled),
        1 => Just(Fate::Late),
        1 => Just(Fate::Corrupt),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_samples_given_out_are_the_media_time_that_passed(
        fates in prop::collection::vec(fate(), 60..300),
        burst in 0usize..80,
        burst_length in 0usize..40,
    ) {
        let packets = &PACKETS[..fates.len().min(PACKETS.len())];
        let mut arriving: Vec<Packet> = Vec::new();
        for (n, (packet, fate)) in packets.iter().zip(&fates).enumerate() {
            let packet = packet.clone();
            let lost = (burst..burst + burst_length).contains(&n) && n > 0;
            match fate {
                _ if lost => {}
                Fate::Arrives => arriving.push(packet),
                Fate::Lost => {}
                Fate::Doubled => arriving.extend([packet.clone(), packet]),
                Fate::Late => {
                    let place = arriving.len().saturating_sub(1);
                    arriving.insert(place, packet);
                }
                // Its duration still reads; its content is gone.
                Fate::Corrupt if packet.payload[0] & 3 == 0 => {
                    arriving.push(Packet { payload: vec![packet.payload[0], 0x55], ..packet });
                }
                Fate::Corrupt => arriving.push(packet),
            }
        }
        let mut ear = EarPath::new().unwrap();
        let mut first = None;
        let mut next = 0;
        for packet in &arriving {
            let Some(heard) = ear.receive(packet.sequence, packet.rtp_time, &packet.payload) else { continue };
            let first = *first.get_or_insert(packet.rtp_time);
            prop_assert_eq!(heard.start, next, "positions continue");
            next = heard.start + heard.pcm.len() as u64;
            prop_assert_eq!(heard.packet_at, packet.rtp_time - first, "the packet lies at its media time");
            prop_assert_eq!(next * 3, packet.rtp_time - first + packet.duration, "samples are media time");
        }
        prop_assert_eq!(ear.position(), next);
        let stats = ear.stats();
        prop_assert_eq!((stats.jumps, stats.rebased, stats.restarts), (0, 0, 0));
        prop_assert_eq!(stats.packets, arriving.len() as u64);
    }

    #[test]
    fn no_packet_from_the_network_can_break_it(
        packets in prop::collection::vec(
            (
                prop_oneof![any::<u64>(), 0u64..40],
                prop_oneof![any::<u64>(), 0u64..100_000, Just(u64::MAX)],
                prop::collection::vec(any::<u8>(), 0..60),
            ),
            1..60,
        )
    ) {
        let mut ear = EarPath::new().unwrap();
        let mut end = 0;
        for (sequence, time, payload) in packets {
            let Some(heard) = ear.receive(sequence, time, &payload) else { continue };
            prop_assert!(heard.start >= end, "positions never go back");
            prop_assert!(heard.pcm.len() as u64 <= MAX_FILL + 2 * 1920);
            prop_assert!(!heard.pcm.is_empty());
            end = heard.start + heard.pcm.len() as u64;
        }
    }
}
