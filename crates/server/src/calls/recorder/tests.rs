//! An hour on virtual time, and random kills of a real recorder.

use super::*;
use crate::calls::clock::MediaClock;
use crate::calls::logged::{field, logged, message};
use crate::calls::received_track::{ReceivedTrack, wire_samples};
use crate::recording::index::finalise;
use crate::recording::log;
use ringline_audio::{EarPath, MOUTH_FRAME, MouthEncoder, TrackPcm, WIRE_RATE, scan_track, silence_packet};
use ringline_model::SplitMix64;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

fn instance() -> InstanceId {
    InstanceId::parse("i").expect("an id")
}

/// Clicks of both sides come at the same moments, so far apart.
const CLICK_EVERY_MS: u64 = 7_300;
const MINUTE_MS: u64 = 60_000;
/// How long the user is away between two connections.
const AWAY_MS: u64 = 3000;

/// 2 ms of a tone that dies away: sharp enough to be placed.
fn click(after_us: i64) -> f32 {
    let ms = after_us as f32 / 1000.0;
    if (0.0..3.0).contains(&ms) { 0.9 * (-ms).exp() * (ms * std::f32::consts::TAU).cos() } else { 0.0 }
}

/// The click nearest to a moment of the call.
fn nearest_click_us(at_us: i64) -> i64 {
    let every = CLICK_EVERY_MS as i64 * 1000;
    ((at_us + every / 2).div_euclid(every)).max(1) * every
}

/// A client whose sound card is off by `ppm`, on a path with loss and jitter.
struct Client {
    encoder: opus::Encoder,
    ppm: i64,
    /// Until here it sends nothing while nobody speaks (DTX), from here on all the time.
    dtx_until_us: u64,
    random: SplitMix64,
    /// Packets on their way: arrival in µs, sequence, RTP time, payload.
    under_way: Vec<(u64, u64, u64, Vec<u8>)>,
    /// Frames captured by this connection, and packets sent.
    frames: u64,
    sequence: u64,
    began_us: u64,
}

impl Client {
    fn new(ppm: i64, dtx_until_us: u64, began_us: u64, seed: u64) -> Self {
        let mut encoder =
            opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::LowDelay).expect("an encoder");
        encoder.set_complexity(1).expect("set");
        let random = SplitMix64::new(seed);
        Self { encoder, ppm, dtx_until_us, random, under_way: Vec::new(), frames: 0, sequence: 100, began_us }
    }

    /// The moment of the call at which its sample was captured.
    fn captured_us(&self, sample: u64) -> u64 {
        let own = sample as i64 * 1_000_000 / 48_000;
        self.began_us + (own + own * self.ppm / 1_000_000) as u64
    }

    /// Captures and sends until `now_us`.
    fn send_until(&mut self, now_us: u64) {
        while self.captured_us((self.frames + 1) * 960) <= now_us {
            let first = self.frames * 960;
            let near_us = nearest_click_us(self.captured_us(first) as i64);
            let sent_us = self.captured_us(first + 960);
            let since_click_us = (sent_us as i64 - near_us).abs();
            let is_quiet = since_click_us > 400_000;
            let sends = !is_quiet || sent_us >= self.dtx_until_us || self.frames.is_multiple_of(20);
            let mut payload = silence_packet(960).expect("a packet").1.to_vec();
            if !is_quiet {
                let pcm: Vec<f32> = (0..960).map(|n| click(self.captured_us(first + n) as i64 - near_us)).collect();
                payload = Some(self.encoder.encode_vec_float(&pcm, 1200).expect("encoded"))
                    .filter(|encoded| encoded.len() >= 3)
                    .unwrap_or(payload);
            }
            if sends && self.random.draw() % 100 >= 2 {
                // Mostly quick, sometimes late, so that some overtake others.
                let jitter =
                    self.random.draw() % 12_000 + if self.random.draw().is_multiple_of(20) { 45_000 } else { 0 };
                // Sequence numbers count what was sent; DTX leaves none out.
                self.under_way.push((sent_us + 5_000 + jitter, self.sequence, 90_000 + first, payload));
            }
            self.sequence += u64::from(sends);
            self.frames += 1;
        }
    }
}

/// Where clicks are heard in a track, in ms.
fn clicks(path: &Path) -> Vec<f64> {
    let file = BufReader::new(File::open(path).expect("a track"));
    let mut pcm = TrackPcm::new(file, WIRE_RATE, 0).expect("a decoder");
    let (mut found, mut piece, mut at) = (Vec::new(), vec![0.0f32; 48_000], 0u64);
    while pcm.read(&mut piece).expect("read") {
        for (n, sample) in piece.iter().enumerate() {
            let ms = (at + n as u64) as f64 / 48.0;
            if sample.abs() > 0.25 && found.last().is_none_or(|last| ms - last > 1000.0) {
                found.push(ms);
            }
        }
        at += piece.len() as u64;
    }
    found
}

#[test]
fn after_ten_minutes_both_tracks_line_up_within_a_frame() {
    both_tracks_line_up(10 * MINUTE_MS);
}

#[test]
#[ignore = "half a minute of work: make test-slow"]
fn after_an_hour_both_tracks_line_up_within_a_frame() {
    both_tracks_line_up(60 * MINUTE_MS);
}

/// Loss, jitter, overtaking, DTX in the first half, a client whose clock runs 120 ppm fast or slow (72 ms in ten minutes, 432 in an hour),
/// and a second connection: the same code as in a call places, writes and indexes the packets.
fn both_tracks_line_up(length_ms: u64) {
    let away_ms = length_ms / 12 * 5..length_ms / 12 * 5 + AWAY_MS;
    for ppm in [-120, 120] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut tracks = Tracks {
            instance: instance(),
            directory: directory.path().join("i"),
            log: None,
            open: BTreeMap::new(),
            failed: false,
        };
        let began = CallTime::from_millis(800);
        let began_us = began.as_micros();
        tracks.line(&Line::Began { began_us }).expect("written");
        let dtx_until_us = length_ms / 2 * 1000;
        let mut client = Client::new(ppm, dtx_until_us, began_us, 7);
        let transport = |before| {
            let ears = EarPath::new().expect("a decoder");
            (ears, MediaClock::default(), ReceivedTrack::new(Track::User, before))
        };
        let (mut ears, mut clock, mut user) = transport(GapCause::JoinedLate);
        let mut mouth = MouthEncoder::new().expect("an encoder");
        for tick in 0..length_ms / 20 {
            let now_us = began_us + tick * 20_000;
            let now_ms = tick * 20;
            // The user's side.
            if now_ms == away_ms.end {
                client = Client::new(ppm, dtx_until_us, now_us, 8);
                (ears, clock, user) = transport(GapCause::Away);
            }
            if !away_ms.contains(&now_ms) {
                client.send_until(now_us);
                client.under_way.sort_by_key(|packet| packet.0);
                let due = client.under_way.partition_point(|packet| packet.0 <= now_us);
                for (arrival_us, sequence, rtp_time, payload) in client.under_way.drain(..due) {
                    let arrival = CallTime::from_micros(arrival_us);
                    let Some(ear) = ears.receive(sequence, rtp_time, &payload) else { continue };
                    clock.arrived(ear.start + ear.pcm.len() as u64, arrival);
                    let packet_at = ear.packet_at;
                    let lost = ears.stats().lost;
                    let packet = user.place(packet_at, Arc::from(payload), lost, &clock, began);
                    tracks.append(&packet).expect("written");
                }
            }
            // The agent's: it speaks around each click and is silent else, with a sign of life now and then.
            let near_us = nearest_click_us(now_us as i64);
            let at = wire_samples(CallTime::from_micros(now_us).since(began));
            if (now_us as i64 - near_us).abs() < 500_000 {
                let mut pcm = [0.0; MOUTH_FRAME];
                for (n, sample) in pcm.iter_mut().enumerate() {
                    *sample = click(now_us as i64 + n as i64 * 1_000_000 / 24_000 - near_us);
                }
                let payload = Arc::from(mouth.encode(&pcm).expect("encoded"));
                let packet = RecordedPacket { track: Track::Agent, at, gap: GapCause::NotSent, payload };
                tracks.append(&packet).expect("written");
            } else if tick.is_multiple_of(10) {
                let payload = Arc::from(mouth.silence());
                let packet = RecordedPacket { track: Track::Agent, at, gap: GapCause::NotSent, payload };
                tracks.append(&packet).expect("written");
            }
            if tick.is_multiple_of(25) {
                tracks.flush().expect("written");
            }
        }
        tracks.finish(0).expect("written");
        let (index, _) = finalise(&directory.path().join("i"), &instance(), 0).expect("read").expect("a recording");
        let heard = Track::SIDES.map(|track| clicks(&directory.path().join("i").join(track.file_name())));
        let [user_clicks, agent_clicks] = &heard;
        let expected = (length_ms / CLICK_EVERY_MS) as usize;
        assert!(agent_clicks.len() >= expected - 1, "{} of {expected} clicks", agent_clicks.len());
        let apart: Vec<f64> = agent_clicks
            .iter()
            .filter_map(|agent| {
                let nearest = user_clicks.iter().min_by(|a, b| (*a - agent).abs().total_cmp(&(*b - agent).abs()))?;
                Some(nearest - agent).filter(|apart| apart.abs() < 500.0)
            })
            .collect();
        assert!(apart.len() > expected * 9 / 10, "{} clicks of the user's were heard", apart.len());
        let worst = apart.iter().map(|apart| apart.abs()).fold(0.0, f64::max);
        println!(
            "{ppm} ppm: {} pairs of clicks, at most {worst:.1} ms apart; {:?}",
            apart.len(),
            index.tracks["user"].gaps_ms
        );
        assert!(worst <= 20.0, "{worst} ms apart");
        let gaps = &index.tracks["user"].gaps_ms;
        // The clock is corrected within the pauses of DTX, as long as there are any.
        for cause in ["lost", "not_sent", "away"] {
            assert!(gaps.contains_key(cause), "no gap is marked as {cause}: {gaps:?}");
        }
        // From the last packet to the next one: with DTX there is one in 400 ms.
        assert!((AWAY_MS - 100..AWAY_MS + 900).contains(&gaps["away"]), "{gaps:?}");
    }
}

/// Tells this program that it is the child, and where to record.
const DIRECTORY: &str = "RINGLINE_TEST_KILL_RECORDER";
/// How many kills; `make test-slow` makes a thousand.
const KILLS: &str = "RINGLINE_KILLS";
const USUAL_KILLS: u64 = 20;
const AT_ONCE: u64 = 8;
const PROGRESS: &str = "progress";

/// Records a call in real time until it is killed, and leaves word how far it has come, in ms.
fn record_until_killed(directory: &Path) -> ! {
    use std::os::unix::fs::FileExt as _;
    let progress = File::create(directory.join(PROGRESS)).expect("a file");
    let recorder = Recorder::start(directory.to_owned()).expect("a recorder");
    let call = recorder.open(&instance());
    call.began(CallTime::ZERO);
    let mut random = SplitMix64::new(u64::from(std::process::id()));
    let began = Instant::now();
    for tick in 0u64.. {
        for track in Track::SIDES {
            // 20 ms of CELT; what is in it does not matter here.
            let mut payload = vec![0xf8];
            payload.extend((0..40 + random.draw() % 120).map(|_| random.draw() as u8));
            let packet = RecordedPacket { track, at: tick * 960, gap: GapCause::NotSent, payload: Arc::from(payload) };
            call.packet(packet);
        }
        progress.write_all_at(&((tick + 1) * 20).to_le_bytes(), 0).expect("written");
        let due = began + Duration::from_millis(20) * (tick as u32 + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    unreachable!("it is killed before")
}

/// Whether ffprobe opens a file without a complaint.
fn probe(path: &Path) {
    let mut run = std::process::Command::new("ffprobe");
    let out = run.args(["-v", "error", "-show_entries", "format=duration"]).arg(path).output();
    let out = out.expect("ffprobe is installed (scripts/system-packages.sh test)");
    let complaint = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && complaint.trim().is_empty(), "{}: {complaint}", path.display());
}

/// The files of a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| name(entry).into_string().expect("a name"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_track_is_there_once_there_is_audio_in_it() {
    for flushes in [false, true] {
        let directory = tempfile::tempdir().expect("a directory");
        let recording = directory.path().join("i");
        let mut tracks = Tracks {
            instance: instance(),
            directory: recording.clone(),
            log: None,
            open: BTreeMap::new(),
            failed: false,
        };
        tracks.line(&Line::Began { began_us: 0 }).expect("written");
        let (_, silence) = silence_packet(960).expect("a packet");
        for payload in [&[][..], silence] {
            let packet =
                RecordedPacket { track: Track::User, at: 0, gap: GapCause::NotSent, payload: Arc::from(payload) };
            tracks.append(&packet).expect("written");
        }
        if flushes {
            tracks.flush().expect("written");
        }
        // As if the process had been killed here.
        drop(tracks);
        let track = recording.join(Track::User.file_name());
        assert_eq!(track.exists(), flushes);
        let (index, _) = finalise(&recording, &instance(), 0).expect("read").expect("a recording");
        assert_eq!(index.tracks.len(), usize::from(flushes));
        assert_eq!(names(&recording).len(), 1 + usize::from(flushes), "the log and what can be played");
        if flushes {
            probe(&track);
        }
    }
}

/// One kill; how many ms of each track are lost.
fn kill(seed: u64) -> [u64; 2] {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "calls::recorder::tests::random_kills_leave_whole_files_and_lose_less_than_a_second"])
        .env(DIRECTORY, directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("started");
    let come_so_far = || {
        let bytes = std::fs::read(directory.path().join(PROGRESS)).unwrap_or_default();
        <[u8; 8]>::try_from(&*bytes).map_or(0, u64::from_le_bytes)
    };
    // Somewhere in the first three seconds, on the recording's own time.
    let until = SplitMix64::new(seed).draw() % 3000;
    let patience = Instant::now() + Duration::from_secs(60);
    while come_so_far() <= until {
        assert!(Instant::now() < patience, "the recorder doesn't get on");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let come = come_so_far();
    let recording = directory.path().join(instance().as_str());
    let left = Track::SIDES.map(|track| {
        let path = recording.join(track.file_name());
        // Before its first page of audio is written there is no track.
        if !path.exists() {
            return come;
        }
        probe(&path);
        let scan = scan_track(BufReader::new(File::open(&path).expect("a track"))).expect("read");
        let length = path.metadata().expect("a file").len();
        assert!(!scan.torn || length - scan.bytes < 65_307, "seed {seed}: a page in the middle is broken");
        come.saturating_sub(scan.position / 48)
    });
    // None where not even the log had been made.
    if let Some((index, end)) = finalise(&recording, &instance(), 0).expect("read") {
        assert!(index.after_crash, "seed {seed}");
        let mut files: Vec<_> = end.tracks.keys().map(|track| format!("{track}.ogg")).collect();
        files.push(log::NAME.to_owned());
        files.sort_unstable();
        assert_eq!(names(&recording), files, "seed {seed}: nothing else is left");
        for (track, sealed) in &end.tracks {
            let path = recording.join(format!("{track}.ogg"));
            probe(&path);
            let scan = scan_track(BufReader::new(File::open(&path).expect("a track"))).expect("read");
            assert!(!scan.torn && scan.bytes == sealed.bytes, "seed {seed}: not whole after it was put in order");
        }
    }
    left
}

/// Where the disk fails and where it is too slow, the log says whose recording suffers.
#[test]
fn what_fails_in_the_recorder_is_logged_with_its_call() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("no-directory");
    File::create(&file).expect("a file");
    let (queue, inbox) = sync_channel(3);
    let call = CallRecorder {
        instance: instance(),
        call: 1,
        queue,
        dropped_in_all: Arc::default(),
        dropped: AtomicU64::new(0),
        drops: Default::default(),
    };
    let packet = |at| RecordedPacket { track: Track::User, at, gap: GapCause::NotSent, payload: Arc::from([0xf8; 40]) };
    let lines = logged(|| {
        call.queue.send(Message::Open { call: 1, instance: instance() }).expect("there is room");
        // The queue holds two of these.
        (0..3).for_each(|n| call.packet(packet(n * 960)));
        drop(call);
        Recording { directory: file, open: Arc::default(), calls: BTreeMap::new() }.run(&inbox);
    });
    let found: Vec<_> = lines.iter().map(|line| (message(line), field(line, "call.id"))).collect();
    let expected = [
        ("the disk is too slow: packets are missing from recordings", Some("i")),
        ("cannot record; the call goes on without", Some("i")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn random_kills_leave_whole_files_and_lose_less_than_a_second() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        record_until_killed(Path::new(&directory));
    }
    let kills = std::env::var(KILLS).map_or(USUAL_KILLS, |kills| kills.parse().expect("a number"));
    let mut lost: Vec<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|worker| {
                scope.spawn(move || (worker..kills).step_by(AT_ONCE as usize).flat_map(kill).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    lost.sort_unstable();
    let at = |percent: usize| lost[(lost.len() * percent / 100).min(lost.len() - 1)];
    println!("{kills} kills: lost of a track p50 {} ms, p99 {} ms, at most {} ms", at(50), at(99), at(100));
    assert!(at(99) <= 1000, "p99 is {} ms", at(99));
}
