//! Decoded pictures in memory, up to a budget.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decode::Pixels;

/// Decoded samples by index. Beyond the budget nothing is kept, and samples are decoded anew.
pub struct Cache {
    slots: Vec<OnceLock<Pixels>>,
    used: AtomicU64,
    budget: u64,
}

impl Cache {
    /// A cache for `len` samples that holds at most `budget` bytes.
    pub fn new(len: usize, budget: u64) -> Cache {
        Cache {
            slots: (0..len).map(|_| OnceLock::new()).collect(),
            used: AtomicU64::new(0),
            budget,
        }
    }

    /// The sample, where it is kept.
    pub fn get(&self, index: usize) -> Option<&Pixels> {
        self.slots[index].get()
    }

    /// Keeps a sample where the budget allows it.
    pub fn put(&self, index: usize, picture: Pixels) {
        let size = picture.bytes.len() as u64;
        let before = self.used.fetch_add(size, Ordering::Relaxed);
        if before + size > self.budget || self.slots[index].set(picture).is_err() {
            self.used.fetch_sub(size, Ordering::Relaxed);
        }
    }

    /// Bytes held.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The cache without the samples for which `keep` is false.
    pub fn retain(mut self, keep: &[bool]) -> Cache {
        let mut index = 0;
        self.slots.retain(|_| {
            index += 1;
            keep[index - 1]
        });
        self
    }
}

/// The default budget: a quarter of the memory that is free now, or 1 GiB where the system does
/// not say.
pub fn default_budget() -> u64 {
    let available = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text
                .lines()
                .find(|line| line.starts_with("MemAvailable:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
    available.map_or(1 << 30, |kib| kib * 1024 / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(size: usize) -> Pixels {
        Pixels {
            width: size,
            height: 1,
            channels: 1,
            bytes: vec![0; size],
        }
    }

    #[test]
    fn keeps_no_more_than_the_budget() {
        let cache = Cache::new(3, 25);
        for index in 0..3 {
            cache.put(index, picture(10));
        }
        let kept = (0..3).filter(|&index| cache.get(index).is_some()).count();
        assert_eq!(kept, 2);
    }
}
