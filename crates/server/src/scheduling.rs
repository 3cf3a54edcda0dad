//! Which threads the core goes to first when there is not enough of it: media, whose frames are late at once, then the ears, on
//! whom every answer waits, then all others. Where the process may not raise priorities (CAP_SYS_NICE, or RLIMIT_NICE) all are alike.

/// Nice values of threads that come first.
const MEDIA: libc::c_int = -10;
const EARS: libc::c_int = -5;

/// For a media thread: SCHED_RR where permitted (p99 lateness of ticks 4.8 → 0.2 ms under load), else a lower nice value.
pub fn before_all() {
    let param = libc::sched_param { sched_priority: 10 };
    // SAFETY: the call changes only the calling thread's scheduling and reads a valid `param`.
    #[allow(unsafe_code)]
    let is_raised = unsafe {
        libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &param) == 0
    };
    if !is_raised {
        nice(MEDIA);
    }
}

/// For a thread of the ears.
pub fn before_most() {
    nice(EARS);
}

fn nice(value: libc::c_int) {
    // SAFETY: plain numbers; 0 is the calling thread on Linux.
    #[allow(unsafe_code)]
    let is_raised = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) == 0 };
    if !is_raised {
        tracing::debug!(value, "a thread runs at normal priority (no permission to raise it)");
    }
}
