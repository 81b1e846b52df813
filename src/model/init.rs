//! Initial weights, each a function of (seed, parameter name).
//!
//! Formulas as in Keras 3 and PyTorch; "normal" means a normal distribution truncated at two
//! standard deviations, as Keras draws it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{Purpose, Rng, hash_text};

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform within `sqrt(6 / (fan_in + fan_out))`: Keras's default for weights.
    #[serde(alias = "xavier_uniform")]
    GlorotUniform,
    /// Normal with variance `2 / (fan_in + fan_out)`.
    #[serde(alias = "xavier_normal")]
    GlorotNormal,
    /// Uniform within `sqrt(6 / fan_in)`: made for ReLU.
    #[serde(alias = "kaiming_uniform")]
    HeUniform,
    /// Normal with variance `2 / fan_in`: made for ReLU.
    #[serde(alias = "kaiming_normal")]
    HeNormal,
    /// Uniform within `sqrt(3 / fan_in)`.
    LecunUniform,
    /// Normal with variance `1 / fan_in`.
    LecunNormal,
    /// Uniform within `1 / sqrt(fan_in)`: PyTorch's default for weights and biases.
    TorchUniform,
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
}

/// The number of inputs to, and of outputs from, one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fans {
    /// Inputs that one output sums.
    pub fan_in: usize,
    /// Outputs that one input reaches.
    pub fan_out: usize,
}

impl Init {
    /// The values of the parameter called `name`.
    pub fn values(self, seed: u64, name: &str, len: usize, fans: Fans) -> Vec<f32> {
        let mut rng = Rng::new(seed, Purpose::Init, &[hash_text(name)]);
        let (fan_in, fan_out) = (fans.fan_in.max(1) as f64, fans.fan_out.max(1) as f64);
        let mut uniform = |limit: f64| {
            (0..len)
                .map(|_| rng.range(-limit, limit) as f32)
                .collect::<Vec<f32>>()
        };
        match self {
            Init::GlorotUniform => uniform((6.0 / (fan_in + fan_out)).sqrt()),
            Init::HeUniform => uniform((6.0 / fan_in).sqrt()),
            Init::LecunUniform => uniform((3.0 / fan_in).sqrt()),
            Init::TorchUniform => uniform((1.0 / fan_in).sqrt()),
            Init::GlorotNormal => truncated_normal(&mut rng, len, 2.0 / (fan_in + fan_out)),
            Init::HeNormal => truncated_normal(&mut rng, len, 2.0 / fan_in),
            Init::LecunNormal => truncated_normal(&mut rng, len, 1.0 / fan_in),
            Init::Zeros => vec![0.0; len],
            Init::Ones => vec![1.0; len],
        }
    }
}

/// The standard deviation of a standard normal truncated at two.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

fn truncated_normal(rng: &mut Rng, len: usize, variance: f64) -> Vec<f32> {
    let std = variance.sqrt() / TRUNCATED_STD;
    let mut draw = || loop {
        let value = rng.normal();
        if value.abs() <= 2.0 {
            return (value * std) as f32;
        }
    };
    (0..len).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FANS: Fans = Fans {
        fan_in: 300,
        fan_out: 100,
    };

    fn variance(values: &[f32]) -> f64 {
        values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn each_rule_has_its_variance() {
        for (init, expected) in [
            (Init::GlorotUniform, 2.0 / 400.0),
            (Init::GlorotNormal, 2.0 / 400.0),
            (Init::HeUniform, 2.0 / 300.0),
            (Init::HeNormal, 2.0 / 300.0),
            (Init::LecunUniform, 1.0 / 300.0),
            (Init::LecunNormal, 1.0 / 300.0),
            (Init::TorchUniform, 1.0 / 900.0),
        ] {
            let found = variance(&init.values(1, "model.0.weight", 50_000, FANS));
            assert!(
                (found / expected - 1.0).abs() < 0.03,
                "{init:?}: {found} {expected}"
            );
        }
    }

    #[test]
    fn values_depend_on_the_seed_and_the_name() {
        let draw = |seed, name| Init::HeNormal.values(seed, name, 4, FANS);
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }
}
