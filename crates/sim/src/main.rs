//! `ringline-sim`: many simulated calls, on all cores, and what came of them.

// The library knows no clock and no threads; running it does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use clap::Parser;
use ringline_sim::{Call, Tally, call, timeline};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seeded calls of the real conversation on virtual time; the exit code is 1 if a rule is broken.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// How many calls; or one call with `--seed`.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone and print its timeline.
    #[arg(long)]
    seed: Option<u64>,
    /// Threads; as many as there are cores if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Stop after so many calls that break a rule.
    #[arg(long, default_value_t = 1)]
    failures: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => one(seed),
        None => many(&options),
    }
}

fn one(seed: u64) -> ExitCode {
    let call = call(seed);
    print!("{}", timeline(&call.setup, &call.journal));
    match &call.violation {
        Some(violation) => {
            println!("\nseed {seed} breaks the rule \"{}\": {}", violation.rule, violation.what);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

/// What one thread did.
#[derive(Default)]
struct Share {
    tally: Tally,
    calls: u64,
    talked: Duration,
    broken: Vec<Call>,
}

fn many(options: &Options) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, stop) = (AtomicU64::new(options.from), AtomicBool::new(false));
    let end = options.from.saturating_add(options.seeds);
    let began = Instant::now();
    let work = || {
        let mut share = Share::default();
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let call = call(seed);
            share.calls += 1;
            share.talked +=
                call.journal.last().map_or(Duration::ZERO, |last| Duration::from_micros(last.at.as_micros()));
            share.tally.merge(&call.tally());
            if call.violation.is_some() {
                share.broken.push(call);
                if share.broken.len() >= options.failures {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        share
    };
    let shares: Vec<Share> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads.unwrap_or(cores)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a simulation does not panic")).collect()
    });
    report(options, &shares, began.elapsed())
}

fn report(options: &Options, shares: &[Share], took: Duration) -> ExitCode {
    let mut tally = Tally::default();
    shares.iter().for_each(|share| tally.merge(&share.tally));
    let calls: u64 = shares.iter().map(|share| share.calls).sum();
    let talked: Duration = shares.iter().map(|share| share.talked).sum();
    for (what, count) in tally.iter() {
        println!("{count:>12}  {what}");
    }
    println!(
        "{calls} calls ({:.0} hours) from seed {} on {} threads in {:.1} s: {:.0} calls/s",
        talked.as_secs_f64() / 3600.0,
        options.from,
        shares.len(),
        took.as_secs_f64(),
        calls as f64 / took.as_secs_f64()
    );
    let mut broken: Vec<&Call> = shares.iter().flat_map(|share| &share.broken).collect();
    broken.sort_by_key(|call| call.seed);
    for call in broken.iter().take(options.failures) {
        if options.failures == 1 {
            print!("\n{}", timeline(&call.setup, &call.journal));
        }
        if let Some(violation) = &call.violation {
            println!("\nseed {} breaks the rule \"{}\": {}", call.seed, violation.rule, violation.what);
            println!("again: target/release/ringline-sim --seed {}", call.seed);
        }
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
