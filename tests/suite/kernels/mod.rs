//! The CPU kernels against the definition in 64-bit floats and against plain Burn operations, over
//! shapes that fit no vector, with every kind of instructions that this machine has, for several
//! numbers of threads.

mod blocks;
mod conv;
mod definition;
mod dense;
mod depthwise;

use kiln::data::{Purpose, Rng};

pub(super) fn random(len: usize, key: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, Purpose::Synth, &[key]);
    (0..len).map(|_| rng.range(-0.5, 0.5) as f32).collect()
}
