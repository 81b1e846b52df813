//! Counter-based randomness: every random choice is a function of a seed, a purpose and the numbers
//! that name the choice (epoch, sample, layer), never of what was drawn before it. A run is
//! therefore the same for any number of worker threads, and a resumed run continues exactly.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, 2014): a counter and a mixing function.

/// What a stream of random numbers is for; streams of different purposes are unrelated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Init = 1,
    /// The order of the training samples.
    Shuffle = 2,
    /// Augmentation of one sample.
    Augment = 3,
    /// Units dropped in one sample.
    Dropout = 4,
    /// Splitting off validation samples.
    Split = 5,
    /// Generated datasets.
    Synth = 6,
}

/// A stream of random numbers, addressed by numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of `purpose` that `address` names (epoch, sample, ...).
    pub fn new(seed: u64, purpose: Purpose, address: &[u64]) -> Rng {
        let start = mix(seed.wrapping_add(GOLDEN)) ^ mix(purpose as u64 ^ 0xA5A5_5A5A_0F0F_F0F0);
        let state = address.iter().fold(start, |state, word| {
            mix(state.wrapping_add(GOLDEN) ^ mix(word.wrapping_add(GOLDEN)))
        });
        Rng { state }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number below `bound`, which must be above 0; the bias is below 2^-32 for bounds
    /// below 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Standard normal, by Box and Muller's transform.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Puts `items` into random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// A number that names a text, for an address: FNV-1a.
pub fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_stream() {
        let draw = |address: &[u64]| Rng::new(7, Purpose::Augment, address).next_u64();
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
        assert_ne!(draw(&[1]), draw(&[1, 0]));
        let other = Rng::new(7, Purpose::Shuffle, &[1, 2]).next_u64();
        assert_ne!(draw(&[1, 2]), other);
    }

    #[test]
    fn uniform_has_the_moments_of_the_uniform_distribution() {
        let mut rng = Rng::new(1, Purpose::Init, &[]);
        let draws: Vec<f64> = (0..100_000).map(|_| rng.uniform()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005, "mean {mean}");
        assert!((variance - 1.0 / 12.0).abs() < 0.002, "variance {variance}");
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut rng = Rng::new(2, Purpose::Init, &[]);
        let draws: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Rng::new(3, Purpose::Shuffle, &[0]).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
