//! Untrusted files: whatever bytes they hold, they are read or refused, without a panic and within
//! a bound of memory.
//!
//! Each target begins with whole files and changes them at random, from a seed. `cargo test` gives each target two
//! seconds; `KILN_FUZZ_SECONDS=600 cargo test --release --test suite fuzz:: -- --nocapture` ten minutes,
//! `KILN_FUZZ_SEED` another series. An input that fails is written to the temporary folder and named; it belongs into
//! `tests/fixtures/crashes`, whose files are run first.
//!
//! The memory is counted for the whole process, so each target has a process of its own.

mod commands;
mod corpus;
mod images;
mod tables;
mod weights;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kiln::data::{Purpose, Rng};

use crate::support::allocator::most_taken;

fn seconds() -> u64 {
    let asked = std::env::var("KILN_FUZZ_SECONDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2)
}

fn seed() -> u64 {
    let asked = std::env::var("KILN_FUZZ_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// How much longer a target may take for the fewest inputs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `target` on the whole files, on what failed before, and on changed files until the time is
/// over. No input may take more than `most` bytes beyond what was in use.
pub(super) fn fuzz(
    name: &str,
    corpus: &[Vec<u8>],
    words: &[&str],
    most: usize,
    target: impl Fn(&[u8]),
) {
    fuzz_at_least(20, name, corpus, words, most, target);
}

/// The same where each input takes a process or two: fewer of them are enough.
pub(super) fn fuzz_at_least(
    least: u64,
    name: &str,
    corpus: &[Vec<u8>],
    words: &[&str],
    most: usize,
    target: impl Fn(&[u8]),
) {
    let crashes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crashes");
    let mut known: Vec<PathBuf> = std::fs::read_dir(crashes)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with(name))
        })
        .collect();
    known.sort();
    let mut fixed: Vec<Vec<u8>> = corpus.to_vec();
    fixed.extend(known.iter().map(|path| std::fs::read(path).unwrap()));
    for input in &fixed {
        run(name, input, most, &target);
    }
    let (begin, time) = (Instant::now(), Duration::from_secs(seconds()));
    let mut count = 0;
    // Other tests run beside this one, and the machine may do other work: a few inputs get the time they need.
    let goes_on = |count| match begin.elapsed() {
        elapsed if elapsed < time => true,
        elapsed => count <= least && elapsed < time + PATIENCE,
    };
    while goes_on(count) {
        let mut rng = Rng::new(seed(), Purpose::Synth, &[count]);
        let input = change(&fixed, words, &mut rng);
        run(name, &input, most, &target);
        count += 1;
    }
    println!(
        "{name}: {count} inputs in {} s, {} fixed ones",
        begin.elapsed().as_secs(),
        fixed.len()
    );
    assert!(count > least, "{name}: too slow, {count} inputs");
}

fn run(name: &str, input: &[u8], most: usize, target: &impl Fn(&[u8])) {
    let (outcome, taken) = most_taken(|| catch_unwind(AssertUnwindSafe(|| target(input))));
    if outcome.is_err() || taken > most {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, input).unwrap();
        panic!(
            "{name}: an input of {} bytes, {taken} bytes taken: {}",
            input.len(),
            path.display()
        );
    }
}

/// A file of the corpus, changed in one to eight places.
fn change(corpus: &[Vec<u8>], words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = corpus[rng.below(corpus.len())].clone();
    for _ in 0..1 << rng.below(4) {
        let len = bytes.len().max(1);
        // Half of the changes fall into the beginning, where headers are.
        let reach = if rng.uniform() < 0.5 {
            len.min(200)
        } else {
            len
        };
        let at = rng.below(reach);
        let at = at.min(bytes.len());
        let span = 1 + rng.below(16);
        let end = (at + span).min(bytes.len());
        match rng.below(9) {
            0 => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = rng.next_u64() as u8),
            1 => bytes[at..end]
                .iter_mut()
                .take(1)
                .for_each(|byte| *byte ^= 1 << rng.below(8)),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => {
                // Numbers that mean trouble: 0, -1, the largest.
                let value = [0, u64::MAX, 1 << 31, 0x7FFF_FFFF, 1 << 63][rng.below(5)];
                let width = 1 << rng.below(4);
                let end = (at + width).min(bytes.len());
                let number = value.to_le_bytes();
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            6 => {
                let other = &corpus[rng.below(corpus.len())];
                let from = rng.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            7 if !words.is_empty() => {
                let word = words[rng.below(words.len())].bytes();
                bytes.splice(at..end, word);
            }
            _ => bytes.extend(std::iter::repeat_n(rng.next_u64() as u8, span)),
        }
    }
    bytes
}
