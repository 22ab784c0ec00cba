//! What a long computation shows to the outside: how far it is, and whether it should stop.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// The computation was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Stopped;

/// Shared between the thread that computes and the one that watches. Units are arbitrary; only the ratio means something.
#[derive(Debug, Default)]
pub struct Progress {
    pub done: AtomicU64,
    pub total: AtomicU64,
    pub stop: AtomicBool,
    stages: Mutex<Vec<(&'static str, Instant)>>,
}

impl Progress {
    /// Adds `units` of work to what lies ahead.
    pub fn expect(&self, units: u64) {
        self.total.fetch_add(units, Relaxed);
    }

    /// Says which stage begins now; an empty name ends the last one.
    pub fn enter(&self, stage: &'static str) {
        if let Ok(mut stages) = self.stages.lock() {
            stages.push((stage, Instant::now()));
        }
    }

    /// (stage, seconds) of every stage that has ended.
    pub fn stages(&self) -> Vec<(&'static str, f64)> {
        let stages = self.stages.lock().map(|stages| stages.clone()).unwrap_or_default();
        let ended = stages.iter().zip(stages.iter().skip(1));
        ended
            .filter(|((name, _), _)| !name.is_empty())
            .map(|((name, a), (_, b))| (*name, b.duration_since(*a).as_secs_f64()))
            .collect()
    }

    /// Reports finished work; an error when somebody asked to stop.
    pub fn advance(&self, units: u64) -> Result<(), Stopped> {
        self.done.fetch_add(units, Relaxed);
        if self.stop.load(Relaxed) { Err(Stopped) } else { Ok(()) }
    }
}
