//! What operators' doors need of a running server, beside its calls.

use crate::doors::admin::Samples;
use std::time::{Duration, Instant};

pub struct Operations {
    began: Instant,
    /// Unix ms.
    pub began_ms: i64,
    /// Whose turn it is to try providers out: they are the calls' providers, and one trial at a time is enough.
    pub probing: tokio::sync::Mutex<()>,
    pub samples: Samples,
}

impl Operations {
    pub fn start(now_ms: i64) -> Self {
        Self {
            began: Instant::now(),
            began_ms: now_ms,
            probing: tokio::sync::Mutex::default(),
            samples: Samples::default(),
        }
    }

    pub fn uptime(&self) -> Duration {
        self.began.elapsed()
    }
}
