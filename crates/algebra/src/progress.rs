//! What a long computation shows to the outside: how far it is, and whether it should stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

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
}

impl Progress {
    /// Adds `units` of work to what lies ahead.
    pub fn expect(&self, units: u64) {
        self.total.fetch_add(units, Relaxed);
    }

    /// Reports finished work; an error when somebody asked to stop.
    pub fn advance(&self, units: u64) -> Result<(), Stopped> {
        self.done.fetch_add(units, Relaxed);
        if self.stop.load(Relaxed) { Err(Stopped) } else { Ok(()) }
    }
}
