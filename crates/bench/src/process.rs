//! What Linux counts of a process: CPU time by thread name, memory.

use std::collections::BTreeMap;
use std::fs;

/// CPU time since its threads began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// In s.
    pub total: f64,
    /// By the name of the threads, without a number behind it.
    pub by_thread: BTreeMap<String, Thread>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thread {
    /// In s.
    pub ran: f64,
    /// Ready to run and not let: its core had something else to do, or somebody else. In s.
    pub waited: f64,
}

impl Cpu {
    /// User and system time since a process began; `self` is this one. None if there is no such process.
    pub fn of(process: &str) -> Option<Self> {
        let mut cpu = Self { total: total(process)?, by_thread: BTreeMap::new() };
        for task in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
            // A thread may end while it is being looked at.
            let (Ok(name), Ok(stat)) =
                (fs::read_to_string(task.path().join("comm")), fs::read_to_string(task.path().join("schedstat")))
            else {
                continue;
            };
            let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '#');
            let mut times = stat.split_whitespace().map_while(|ns| ns.parse::<f64>().ok());
            let thread = cpu.by_thread.entry(name.to_owned()).or_default();
            thread.ran += times.next().unwrap_or_default() / 1e9;
            thread.waited += times.next().unwrap_or_default() / 1e9;
        }
        Some(cpu)
    }

    /// Of two processes together.
    pub fn and(mut self, other: Self) -> Self {
        self.total += other.total;
        for (name, thread) in other.by_thread {
            let sum = self.by_thread.entry(name).or_default();
            *sum = Thread { ran: sum.ran + thread.ran, waited: sum.waited + thread.waited };
        }
        self
    }

    /// What was used since then. A thread that has ended meanwhile is in the total alone.
    pub fn since(&self, before: &Self) -> Self {
        let less = |(name, now): (&String, &Thread)| {
            let then = before.by_thread.get(name).copied().unwrap_or_default();
            let thread = Thread { ran: (now.ran - then.ran).max(0.0), waited: (now.waited - then.waited).max(0.0) };
            (name.clone(), thread)
        };
        Self { total: self.total - before.total, by_thread: self.by_thread.iter().map(less).collect() }
    }
}

/// In s.
fn total(process: &str) -> Option<f64> {
    /// Linux reports in units of 10 ms to user space.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything; user and system time are the 12th and 13th fields after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS)
}

/// Memory of a process that is in RAM, in bytes.
pub fn resident(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_time_and_memory_can_be_read() {
        let cpu = Cpu::of("self").expect("we are a process");
        assert!(!cpu.by_thread.is_empty() && cpu.by_thread.values().any(|thread| thread.ran > 0.0));
        assert!(resident("self").expect("we have memory") > 100_000);
    }

    #[test]
    fn the_difference_of_a_name_is_that_of_all_its_threads() {
        let at = |ran: f64, waited: f64| Thread { ran, waited };
        let cpu = |ran: f64| Cpu { total: ran, by_thread: BTreeMap::from([("media".to_owned(), at(ran, 1.0))]) };
        assert_eq!(cpu(5.0).since(&cpu(2.0)).by_thread["media"], at(3.0, 0.0));
        assert_eq!(cpu(5.0).since(&Cpu::default()).by_thread["media"], at(5.0, 1.0));
    }
}
