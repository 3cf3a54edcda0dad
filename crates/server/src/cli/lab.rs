//! `ringline lab`

use crate::lab::{Bench, Clips, InlineWhisper, Kind, Pace, Recogniser, Report, Set, of, plot, room};
use anyhow::Context;
use clap::Args;
use ringline_audio::{LeadTrim, MOUTH_RATE, Resampler};
use ringline_conversation::Change;
use ringline_model::AgentConfig;
use ringline_providers::local::hibari::Hibari;
use ringline_providers::local::{SileroVad, SmartTurn, WhisperInline};
use ringline_providers::models::ModelStore;
use ringline_providers::{EndOfTurn, SpeechContext, SpeechEvent, SpeechRequest, Synthesizer, VoiceActivity};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// How well turns are taken, measured with audio. Needs the local models (`ringline models pull`), and of espeak-ng, flite and
/// Debian's pocketsphinx-testdata what there is.
#[derive(Args)]
pub struct Lab {
    /// Clips: settings are chosen on the tuning set and measured on the other.
    #[arg(long, value_enum, default_value = "held-out")]
    set: Set,
    /// Most clips of each kind.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    clips: usize,
    /// Simulate so many rooms with the agent's echo instead; in two of three somebody interrupts.
    #[arg(long, value_name = "N")]
    rooms: Option<u64>,
    /// In rooms, nobody interrupts: in two of three somebody says "okay" or the like, which should not stop the agent.
    #[arg(long, requires = "rooms")]
    backchannels: bool,
    /// The first room's number.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Another setting than the default, e.g. `endpointing.silence=600ms`; may be given several times.
    #[arg(long, value_name = "SETTING=VALUE")]
    setting: Vec<Change>,
    /// How long a run of the recogniser takes, in ms; on two busy cores 250 and more.
    #[arg(long, value_name = "MS", default_value_t = 170)]
    recognition_ms: u64,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Print every clip with what became of it.
    #[arg(long)]
    verbose: bool,
    /// Write a picture.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Lab {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::machine::check_cpu()?;
        super::start_logs("warn", super::LogFormat::Text);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let store = ModelStore::open_default()?;
        let hint = "run `ringline models pull tiny` first";
        let silero = SileroVad::load(&store).context(hint)?;
        let turns = SmartTurn::load(&store).context(hint)?;
        let hibari = Hibari::load(&store).context(hint)?;
        let mut ears = InlineWhisper::new(WhisperInline::load(&store, Some("en")).context(hint)?);
        let spoken = RefCell::new(HashMap::<String, Vec<f32>>::new());
        let voice = |text: &str| {
            let mut spoken = spoken.borrow_mut();
            spoken.entry(text.to_owned()).or_insert_with(|| runtime.block_on(say(&hibari, text))).clone()
        };
        let detector = || -> Box<dyn VoiceActivity> { Box::new(silero.another()) };
        let end_of_turn = |audio: &[f32]| runtime.block_on(turns.probability(audio.into(), "")).ok();
        let bench = Bench {
            config: self.config(),
            voice: &voice,
            detector: &detector,
            end_of_turn: &end_of_turn,
            pace: Pace { recognition: self.recognition_ms, ..Pace::default() },
            lasted: Cell::default(),
        };
        let began = Instant::now();
        let mut report = match self.rooms {
            Some(count) => self.rooms(&bench, count, &mut ears)?,
            None => self.clips(&bench, &mut ears)?,
        };
        (report.call_s, report.wall_s) = (bench.lasted.get(), began.elapsed().as_secs_f64());
        if let Some(file) = &self.plot {
            std::fs::write(file, plot(&report)).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> AgentConfig {
        let mut config = AgentConfig::default();
        config.asr.language = Some("en".to_owned());
        self.setting.iter().for_each(|change| change.apply(&mut config));
        config
    }

    fn clips(&self, bench: &Bench<'_>, ears: &mut dyn Recogniser) -> anyhow::Result<Report> {
        let Clips { clips, missing } = Clips::load(self.set, self.clips)?;
        let mut report = Report { set: self.set_name(), missing, ..Report::default() };
        for (n, clip) in of(&clips, Kind::Interruption).enumerate() {
            let overlap = bench.overlap(clip, n as u64, ears)?;
            self.tell(&overlap);
            report.interruptions.push(overlap);
        }
        for (n, clip) in of(&clips, Kind::Backchannel).enumerate() {
            let overlap = bench.overlap(clip, n as u64 + 1000, ears)?;
            self.tell(&overlap);
            report.backchannels.push(overlap);
        }
        for clip in of(&clips, Kind::Question) {
            for pause in [0, 300, 600] {
                let question = bench.question(clip, pause, ears)?;
                self.tell(&question);
                report.questions.push(question);
            }
        }
        Ok(report)
    }

    fn rooms(&self, bench: &Bench<'_>, count: u64, ears: &mut dyn Recogniser) -> anyhow::Result<Report> {
        let Clips { clips, missing } = Clips::load(self.set, self.clips)?;
        let kind = if self.backchannels { Kind::Backchannel } else { Kind::Interruption };
        let speakers: Vec<_> = of(&clips, kind).collect();
        let mut report = Report { set: self.set_name(), missing, ..Report::default() };
        for number in self.from..self.from + count {
            let clip = speakers.get(number as usize % speakers.len().max(1)).filter(|_| number % 3 > 0);
            let heard = bench.in_room(&room(number), clip.copied(), number, ears)?;
            self.tell(&heard);
            report.rooms.push(heard);
        }
        Ok(report)
    }

    fn set_name(&self) -> String {
        if self.set == Set::Tuning { "tuning" } else { "held-out" }.to_owned()
    }

    fn tell(&self, found: &impl std::fmt::Debug) {
        if self.verbose {
            eprintln!("{found:?}");
        }
    }
}

/// The agent's voice as the mouth would send it: at 24 kHz, without the silence before it.
async fn say(hibari: &Hibari, text: &str) -> Vec<f32> {
    let mut events = hibari.synthesise(SpeechRequest {
        text: text.to_owned(),
        voice: None,
        rate: 1.0,
        context: SpeechContext::default(),
    });
    let (mut resampled, mut pcm) = (Vec::new(), Vec::new());
    let mut resampler = Resampler::new(hibari.sample_rate(), MOUTH_RATE).expect("the voice's rate can be converted");
    while let Some(event) = events.recv().await {
        match event {
            SpeechEvent::Audio(audio) => resampler.push(&audio, &mut resampled),
            SpeechEvent::Finished => break,
            // Of one voice: it has one rate, and nobody falls back.
            SpeechEvent::Rate(_) | SpeechEvent::FellBack { .. } => {}
            SpeechEvent::Failed(error) => tracing::error!(%error, "the agent's voice failed"),
        }
    }
    resampler.finish(&mut resampled);
    LeadTrim::new().push(&resampled, &mut pcm);
    pcm
}
