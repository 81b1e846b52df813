//! Counts and timings of an epoch.

use std::time::{Duration, Instant};

use crate::data::Skipped;
use crate::train::run::non_finite::NonFinite;

/// How a piece of a run ended.
pub enum Ended {
    /// It is complete.
    Complete,
    /// Somebody asked to stop.
    Stopped,
    /// Something is not finite any more.
    Broken(NonFinite),
}

/// The timings of an epoch.
pub struct Clock {
    pub begin: Instant,
    /// Samples of the epoch before the run was resumed.
    pub samples_before: usize,
    pub wait: Duration,
    pub held_up: Duration,
}

/// Adds the samples that were not named before: those that fail do so in every epoch.
pub fn note_failed(known: &mut Vec<Skipped>, failed: &[Skipped]) {
    for skipped in failed {
        if !known.contains(skipped) {
            known.push(skipped.clone());
        }
    }
}
