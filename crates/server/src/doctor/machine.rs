//! The machine: CPU, disk, clock, database.

use super::Check;
use crate::cli::machine::check_cpu;
use ringline_store::Store;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Less free space than this and recordings soon end, or the database cannot be written.
const LITTLE: u64 = 5 << 30;
const TOO_LITTLE: u64 = 200 << 20;
/// A signed request is refused when the clocks differ by 15 minutes; tokens and callbacks look wrong much sooner.
const CLOCK_OFF: u64 = 5_000;
const CLOCK_WRONG: u64 = 60_000;
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);
const DATABASE_SLOW: Duration = Duration::from_millis(100);

pub fn cpu() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match check_cpu() {
        Ok(()) => Check::ok("cpu", format!("it has what this build needs, and {cores} cores")),
        Err(error) => Check::failed("cpu", format!("{error}"), "run on another machine, or build Ringline on this one"),
    }
}

/// Where recordings and the SQLite database lie.
pub fn disk(directory: &Path) -> Check {
    const NAME: &str = "disk";
    let shown = directory.display();
    // Before the first start it is not there; what holds it then is where it will lie.
    let Some(there) = std::path::absolute(directory)
        .ok()
        .and_then(|path| path.ancestors().find(|ancestor| ancestor.exists()).map(Path::to_owned))
    else {
        return Check::skipped(NAME, format!("{shown} cannot be looked at"));
    };
    match rustix::fs::statvfs(&there) {
        Ok(space) => judge_space(&shown.to_string(), space.f_bavail.saturating_mul(space.f_frsize)),
        Err(error) => Check::failed(
            NAME,
            format!("{shown} cannot be looked at: {error}"),
            "let the user that Ringline runs as read and write it (server.data_dir)",
        ),
    }
}

fn judge_space(directory: &str, free: u64) -> Check {
    const NAME: &str = "disk";
    let found = format!("{:.1} GB are free in {directory}", free as f64 / 1e9);
    match free {
        ..TOO_LITTLE => Check::failed(NAME, found, "free some space, or move server.data_dir to a larger disk"),
        TOO_LITTLE..LITTLE => Check::warning(
            NAME,
            found,
            "an hour of a recorded call takes about 40 MB: free some space, or delete old recordings",
        ),
        _ => Check::ok(NAME, found),
    }
}

/// Whether the database answers, and whether its clock is ours.
pub async fn database(store: &dyn Store, kind: &str) -> Vec<Check> {
    const NAME: &str = "database";
    const ADVICE: &str = "start the database, or correct server.database (--database, RINGLINE_DATABASE)";
    let began = Instant::now();
    let failed = |why: String| {
        let clock = Check::skipped("clock", "there is no other clock to compare with");
        vec![Check::failed(NAME, format!("{kind}: {why}"), ADVICE), clock]
    };
    let theirs = match tokio::time::timeout(DATABASE_PATIENCE, store.clock_ms()).await {
        Ok(Ok(theirs)) => theirs,
        Ok(Err(error)) => return failed(error.to_string()),
        Err(_) => return failed(format!("no answer within {} s", DATABASE_PATIENCE.as_secs())),
    };
    let took = began.elapsed();
    let found = format!("{kind}: it answers within {} ms", took.as_millis().max(1));
    let answered = if took > DATABASE_SLOW {
        Check::warning(
            NAME,
            found,
            "calls wait for it when they start: bring it nearer, or find out what keeps it busy",
        )
    } else {
        Check::ok(NAME, found)
    };
    vec![answered, clock("the database", theirs, now_ms())]
}

/// Unix ms.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Two clocks in Unix ms; `whose` is theirs.
pub fn clock(whose: &str, theirs: i64, ours: i64) -> Check {
    const NAME: &str = "clock";
    const ADVICE: &str =
        "set both clocks by NTP (e.g. `timedatectl set-ntp true`): signatures and tokens are checked by them";
    let apart = theirs.abs_diff(ours);
    let found = format!("this machine's clock and {whose}'s differ by {:.1} s", apart as f64 / 1e3);
    match apart {
        ..CLOCK_OFF => Check::ok(NAME, found),
        CLOCK_OFF..CLOCK_WRONG => Check::warning(NAME, found, ADVICE),
        _ => Check::failed(NAME, found, ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn clocks_that_differ_are_warned_of_and_then_refused() {
        let of = |theirs| clock("the database", theirs, 1_000_000).verdict;
        assert_eq!(of(1_000_400), Verdict::Ok);
        assert_eq!(of(990_000), Verdict::Warning);
        assert_eq!(of(1_100_000), Verdict::Failed);
    }

    #[test]
    fn little_space_is_a_warning_and_hardly_any_a_failure() {
        let of = |free| judge_space("data", free).verdict;
        assert_eq!([of(100 << 30), of(1 << 30), of(1 << 20)], [Verdict::Ok, Verdict::Warning, Verdict::Failed]);
        assert_ne!(disk(Path::new("not/made/yet")).verdict, Verdict::Failed);
    }
}
