//! The value types that images, tables and sentences share, on the host and on the device.

use std::fmt;

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// The shape of one sample, without the batch dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `[height, width, channels]`
    Image {
        /// Rows of pixels.
        height: usize,
        /// Pixels per row.
        width: usize,
        /// Values per pixel.
        channels: usize,
    },
    /// `[length, features]`
    Sequence {
        /// Time steps.
        length: usize,
        /// Values a step.
        features: usize,
    },
    /// `[features]`
    Flat {
        /// Values a sample.
        features: usize,
    },
    /// `[length]`, whole numbers
    Tokens {
        /// Tokens a sample.
        length: usize,
        /// The number of different tokens; each token is below it.
        vocabulary: usize,
    },
}

impl Shape {
    /// Values a sample; as many as can be counted where there are more.
    pub fn num_elements(&self) -> usize {
        match *self {
            Shape::Image {
                height,
                width,
                channels,
            } => size_product(&[height, width, channels]),
            Shape::Sequence { length, features } => size_product(&[length, features]),
            Shape::Flat { features } => features,
            Shape::Tokens { length, .. } => length,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Image {
                height,
                width,
                channels,
            } => write!(f, "{height} x {width} x {channels}"),
            Shape::Sequence { length, features } => write!(f, "{length} steps x {features}"),
            Shape::Flat { features } => write!(f, "{features}"),
            Shape::Tokens { length, vocabulary } => write!(f, "{length} tokens of {vocabulary}"),
        }
    }
}

/// The product of sizes, or the largest number where it is larger. Sizes come from experiments and model files: a product
/// that wraps around would pass for a small one.
pub fn size_product(sizes: &[usize]) -> usize {
    sizes
        .iter()
        .fold(1, |product: usize, &size| product.saturating_mul(size))
}

/// A batch of one input or activation, on a device.
#[derive(Clone, Debug)]
pub enum Value {
    /// `[batch, height, width, channels]`
    Image(Tensor<4>),
    /// `[batch, length, features]`
    Sequence(Tensor<3>),
    /// `[batch, features]`
    Flat(Tensor<2>),
    /// `[batch, length]`
    Tokens(Tensor<2, Int>),
}

/// What a batch should give, on a device.
#[derive(Clone, Debug)]
pub enum Target {
    /// `[batch]`: the index of the class
    Class(Tensor<1, Int>),
    /// `[batch, classes]`: a distribution over the classes
    Soft(Tensor<2>),
    /// `[batch, labels]`: 0 or 1 for each label
    Multi(Tensor<2>),
    /// `[batch, outputs]`: numbers
    Real(Tensor<2>),
}

/// The number that names a sample within its split, the same in every epoch and run.
pub type SampleId = u32;

/// A batch on a device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The net's input.
    pub input: Value,
    /// What the net's output is compared with.
    pub target: Target,
    /// `[batch]`: how much each sample counts; all 1 where absent.
    pub weights: Option<Tensor<1>>,
    /// The samples, in order.
    pub ids: Vec<SampleId>,
}

/// The targets of a batch in host memory.
#[derive(Clone, Debug, PartialEq)]
pub enum HostTargets {
    /// The index of each sample's class.
    Classes(Vec<u32>),
    /// Of mixed samples.
    Mixed {
        /// The index of the class with the largest share.
        classes: Vec<u32>,
        /// The shares of the classes, `[batch, classes]`.
        shares: Vec<f32>,
    },
    /// 0 or 1 for each label, `[batch, labels]`.
    Labels(Vec<f32>),
    /// Numbers as the net sees them, or the targets of all heads side by side, `[batch, outputs]`.
    Real(Vec<f32>),
}

impl Default for HostTargets {
    fn default() -> HostTargets {
        HostTargets::Classes(Vec::new())
    }
}

impl HostTargets {
    /// The index of each sample's class; none where the targets are no classes.
    pub fn classes(&self) -> &[u32] {
        match self {
            HostTargets::Classes(classes) | HostTargets::Mixed { classes, .. } => classes,
            HostTargets::Labels(_) | HostTargets::Real(_) => &[],
        }
    }

    /// Those of the first of `batch` samples.
    pub fn first(&self, batch: usize) -> HostTargets {
        let of = |rows: &[f32]| rows[..rows.len() / batch.max(1)].to_vec();
        match self {
            HostTargets::Classes(classes) => HostTargets::Classes(classes[..1].to_vec()),
            HostTargets::Mixed { classes, shares } => HostTargets::Mixed {
                classes: classes[..1].to_vec(),
                shares: of(shares),
            },
            HostTargets::Labels(rows) => HostTargets::Labels(of(rows)),
            HostTargets::Real(rows) => HostTargets::Real(of(rows)),
        }
    }

    fn to_device(&self, batch: usize, device: &Device) -> Target {
        let rows = |rows: &[f32]| {
            let width = rows.len() / batch.max(1);
            Tensor::from_data(TensorData::new(rows.to_vec(), [batch, width]), device)
        };
        match self {
            HostTargets::Classes(classes) => {
                let classes: Vec<i32> = classes.iter().map(|&class| class as i32).collect();
                let data = TensorData::new(classes, [batch]);
                Target::Class(Tensor::from_data(data, device))
            }
            HostTargets::Mixed { shares, .. } => Target::Soft(rows(shares)),
            HostTargets::Labels(labels) => Target::Multi(rows(labels)),
            HostTargets::Real(numbers) => Target::Real(rows(numbers)),
        }
    }
}

/// A batch in host memory, as the loader's threads make it.
#[derive(Clone, Debug, Default)]
pub struct HostBatch {
    /// The input, row after row.
    pub input: Vec<f32>,
    /// What the net's outputs are compared with.
    pub targets: HostTargets,
    /// How much each sample counts in the loss; all 1 where absent.
    pub weights: Option<Vec<f32>>,
    /// The samples, in order.
    pub ids: Vec<SampleId>,
}

impl HostBatch {
    /// Gives each sample its class's weight; where classes are mixed, the mean of theirs by its shares.
    pub fn weigh(&mut self, class_weights: &[f32]) {
        let weights = match &self.targets {
            HostTargets::Mixed { shares, .. } => shares
                .chunks_exact(class_weights.len())
                .map(|shares| shares.iter().zip(class_weights).map(|(s, w)| s * w).sum())
                .collect(),
            targets => targets
                .classes()
                .iter()
                .map(|&class| class_weights[class as usize])
                .collect(),
        };
        self.weights = Some(weights);
    }

    /// Copies the batch to a device as samples of `shape`.
    pub fn to_device(self, shape: Shape, device: &Device) -> Batch {
        let batch = self.ids.len();
        Batch {
            input: input_to_device(self.input, batch, shape, device),
            target: self.targets.to_device(batch, device),
            weights: self.weights.map(|weights| {
                let data = TensorData::new(weights, [batch]);
                Tensor::from_data(data, device)
            }),
            ids: self.ids,
        }
    }
}

/// Copies the inputs of `batch` samples of `shape`, row after row, to a device: all that a prediction needs.
pub fn input_to_device(input: Vec<f32>, batch: usize, shape: Shape, device: &Device) -> Value {
    match shape {
        Shape::Image {
            height,
            width,
            channels,
        } => {
            let data = TensorData::new(input, [batch, height, width, channels]);
            Value::Image(Tensor::from_data(data, device))
        }
        Shape::Sequence { length, features } => {
            let data = TensorData::new(input, [batch, length, features]);
            Value::Sequence(Tensor::from_data(data, device))
        }
        Shape::Flat { features } => {
            let data = TensorData::new(input, [batch, features]);
            Value::Flat(Tensor::from_data(data, device))
        }
        Shape::Tokens { length, .. } => {
            let tokens: Vec<i32> = input.iter().map(|&token| token as i32).collect();
            let data = TensorData::new(tokens, [batch, length]);
            Value::Tokens(Tensor::from_data(data, device))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_samples_weigh_the_mean_of_their_classes_by_the_shares() {
        let mut batch = HostBatch {
            targets: HostTargets::Classes(vec![1, 0]),
            ..HostBatch::default()
        };
        batch.weigh(&[0.5, 3.0]);
        assert_eq!(batch.weights, Some(vec![3.0, 0.5]));
        batch.targets = HostTargets::Mixed {
            classes: vec![1, 0],
            shares: vec![0.25, 0.75, 1.0, 0.0],
        };
        batch.weigh(&[0.5, 3.0]);
        assert_eq!(batch.weights, Some(vec![2.375, 0.5]));
    }
}
