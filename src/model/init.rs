//! Initial weights, each a function of (seed, parameter name).
//!
//! Formulas as in Keras 3 and PyTorch; "normal" means a normal distribution truncated at two
//! standard deviations, as Keras draws it.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{bare_names, by_name, other_names};
use crate::data::{Purpose, Rng, hash_text};

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[schemars(transform = names)]
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
    /// Normal, not truncated, with variance `2 / fan_out`: torchvision's for most nets of convolutions.
    #[serde(alias = "kaiming_normal_out")]
    HeNormalOut,
    /// Uniform within `sqrt(3 / fan_in)`.
    LecunUniform,
    /// Normal with variance `1 / fan_in`.
    LecunNormal,
    /// Uniform within `1 / sqrt(fan_in)`: PyTorch's default for weights and biases. Of recurrent layers fan_in is
    /// the number of units.
    TorchUniform,
    /// Orthogonal rows or columns, whichever are fewer (Saxe and others, 2013): Keras's default for
    /// recurrent weights.
    Orthogonal,
    /// Uniform between two numbers; Keras's default for embeddings.
    #[serde(alias = "random_uniform")]
    Uniform {
        /// The least: -0.05, as in Keras.
        #[serde(default = "least")]
        #[schemars(range(min = -1e30, max = 1e30))]
        min: f64,
        /// The largest: 0.05.
        #[serde(default = "most")]
        #[schemars(range(min = -1e30, max = 1e30))]
        max: f64,
    },
    /// Normal.
    #[serde(alias = "random_normal")]
    Normal {
        /// Its mean.
        #[serde(default)]
        #[schemars(range(min = -1e30, max = 1e30))]
        mean: f64,
        /// Its standard deviation: 0.05, as in Keras.
        #[serde(default = "most")]
        #[schemars(range(min = 0, max = 1e30))]
        std: f64,
    },
    /// Normal, but for what is further than two standard deviations from the mean.
    TruncatedNormal {
        /// Its mean.
        #[serde(default)]
        #[schemars(range(min = -1e30, max = 1e30))]
        mean: f64,
        /// Its standard deviation before it is truncated: 0.05, as in Keras.
        #[serde(default = "most")]
        #[schemars(range(min = 0, max = 1e30))]
        std: f64,
    },
    /// One number everywhere.
    Constant {
        /// The number.
        #[schemars(range(min = -1e30, max = 1e30))]
        value: f64,
    },
    /// 0, but 1 for the second quarter: the forget gates of an LSTM (Jozefowicz and others, 2015).
    ForgetOne,
    /// 0 everywhere.
    Zeros,
    /// 1 everywhere.
    Ones,
}

fn least() -> f64 {
    -0.05
}
fn most() -> f64 {
    0.05
}

fn names(schema: &mut Schema) {
    bare_names(schema);
    let others = [
        ("glorot_uniform", "xavier_uniform"),
        ("glorot_normal", "xavier_normal"),
        ("he_uniform", "kaiming_uniform"),
        ("he_normal", "kaiming_normal"),
        ("he_normal_out", "kaiming_normal_out"),
        ("uniform", "random_uniform"),
        ("normal", "random_normal"),
    ];
    other_names(schema, &others);
}

impl Serialize for Init {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Init::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        by_name(deserializer, Init::deserialize)
    }
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
    pub fn values(self, seed: u64, name: &str, shape: &[usize], fans: Fans) -> Vec<f32> {
        let len = shape.iter().product();
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
            Init::HeNormalOut => {
                let std = (2.0 / fan_out).sqrt();
                (0..len).map(|_| (std * rng.normal()) as f32).collect()
            }
            Init::LecunNormal => truncated_normal(&mut rng, len, 1.0 / fan_in),
            Init::Orthogonal => orthogonal(&mut rng, shape),
            Init::Uniform { min, max } => (0..len).map(|_| rng.range(min, max) as f32).collect(),
            Init::Normal { mean, std } => (0..len)
                .map(|_| (mean + std * rng.normal()) as f32)
                .collect(),
            Init::TruncatedNormal { mean, std } => {
                let variance = (std * TRUNCATED_STD).powi(2);
                let values = truncated_normal(&mut rng, len, variance).into_iter();
                values.map(|value| value + mean as f32).collect()
            }
            Init::Constant { value } => vec![value as f32; len],
            Init::ForgetOne => {
                let ones = len / 4..len / 2;
                (0..len)
                    .map(|i| f32::from(u8::from(ones.contains(&i))))
                    .collect()
            }
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

/// Random vectors, each made orthogonal to those before it, all of length 1: the rows of a matrix
/// `[all but the last dimension, last]`, or its columns where these are fewer.
fn orthogonal(rng: &mut Rng, shape: &[usize]) -> Vec<f32> {
    let columns = shape.last().copied().unwrap_or(1);
    let rows = shape.iter().product::<usize>() / columns.max(1);
    let (count, size) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..size).map(|_| rng.normal()).collect();
        for _ in 0..2 {
            for other in &vectors {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(a, b)| *a -= along * b);
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vectors.push(vector.into_iter().map(|x| x / length).collect());
    }
    let value = |row: usize, column: usize| match rows <= columns {
        true => vectors[row][column],
        false => vectors[column][row],
    };
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    all.map(|(row, column)| value(row, column) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Path, schema_of, validate};

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
            (Init::HeNormalOut, 2.0 / 100.0),
            (Init::LecunUniform, 1.0 / 300.0),
            (Init::LecunNormal, 1.0 / 300.0),
            (Init::TorchUniform, 1.0 / 900.0),
        ] {
            let found = variance(&init.values(1, "model.0.weight", &[50_000], FANS));
            assert!(
                (found / expected - 1.0).abs() < 0.03,
                "{init:?}: {found} {expected}"
            );
        }
    }

    #[test]
    fn names_need_no_options_and_may_be_other_libraries() {
        let named = |text: &str| {
            let value = serde_json::json!(text);
            let faults = validate(&value, &schema_of::<Init>(), &Path::default());
            assert!(faults.is_empty(), "{text}: {faults:?}");
            serde_json::from_value::<Init>(value).expect(text)
        };
        assert_eq!(named("xavier_uniform"), Init::GlorotUniform);
        assert_eq!(named("xavier_normal"), Init::GlorotNormal);
        assert_eq!(named("kaiming_uniform"), Init::HeUniform);
        assert_eq!(named("kaiming_normal"), Init::HeNormal);
        let normal = Init::Normal {
            mean: 0.0,
            std: 0.05,
        };
        assert_eq!(named("normal"), normal);
        assert_eq!(named("random_normal"), normal);
        let uniform = Init::Uniform {
            min: -0.05,
            max: 0.05,
        };
        assert_eq!(named("random_uniform"), uniform);
        let constant = serde_json::json!("constant");
        assert!(!validate(&constant, &schema_of::<Init>(), &Path::default()).is_empty());
    }

    #[test]
    fn orthogonal_rows_have_length_1_and_nothing_in_common() {
        for shape in [[5, 20], [20, 5]] {
            let values = Init::Orthogonal.values(1, "a", &shape, FANS);
            let at = |row: usize, column: usize| match shape[0] < shape[1] {
                true => values[row * shape[1] + column],
                false => values[column * shape[1] + row],
            };
            for one in 0..5 {
                for other in 0..5 {
                    let product: f32 = (0..20).map(|i| at(one, i) * at(other, i)).sum();
                    let expected = f32::from(u8::from(one == other));
                    assert!(
                        (product - expected).abs() < 1e-6,
                        "{one} {other}: {product}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_depend_on_the_seed_and_the_name() {
        let draw = |seed, name| Init::HeNormal.values(seed, name, &[4], FANS);
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }
}
