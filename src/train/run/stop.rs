//! How a run is asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Set by a signal; the batch in work is finished first.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// Asks to stop; the program is to end with this code (not 0). Returns whether it is the first
    /// time.
    pub fn set(&self, exit_code: u8) -> bool {
        let first = self
            .0
            .compare_exchange(0, exit_code, Ordering::Relaxed, Ordering::Relaxed);
        first.is_ok()
    }

    /// Whether somebody asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The code that the program is to end with, where somebody asked.
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_decides_the_exit_code() {
        let flag = StopFlag::default();
        assert_eq!((flag.is_set(), flag.exit_code()), (false, None));
        assert!(flag.set(143));
        assert!(!flag.set(130));
        assert_eq!(flag.clone().exit_code(), Some(143));
    }
}
