//! Blocks: neighbours that run as one operation on the CPU.

use super::{Network, PlannedLayer};
use crate::config::Precision;
use crate::data::Shape;
use crate::kernels::{BlockOptions, Epilogue, NormThen};
use crate::model::activation::Activation;
use crate::model::layers::{Role, windows};

/// Layers that run as one operation on the CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Layers of the block.
    pub num_layers: usize,
    pub(super) block: Block,
    /// What follows the block.
    pub(super) then: Activation,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Block {
    /// Outside training with the batch normalisation behind it, if there is one.
    Conv(BlockOptions, Option<Folded>),
    Dense(Epilogue),
    /// 2 x 2 max pooling, after a ReLU where true.
    MaxPool(bool),
    Norm(NormThen),
    /// The layer's own kernel.
    Layer,
}

/// A convolution that takes in the batch normalisation behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Folded {
    /// Layers of the block then.
    pub(super) num_layers: usize,
    /// What is done then.
    pub(super) options: BlockOptions,
    /// The normalisation's.
    pub(super) epsilon: f64,
}

impl Network {
    /// Finds the blocks: a convolution or a fully connected layer, with the activation and the max
    /// pooling that follow it.
    pub(super) fn fuse(&mut self) {
        let mut shape = self.input;
        let mut done = 0;
        for index in 0..self.layers.len() {
            if index >= done {
                self.layers[index].fused = self.block_at(index, shape);
                done = index + self.layers[index].fused.map_or(1, |fused| fused.num_layers);
            }
            shape = self.layers[index].output;
        }
    }

    /// The block that begins with a layer whose input is `shape`.
    fn block_at(&self, index: usize, shape: Shape) -> Option<Fused> {
        let layer = &self.layers[index];
        let role = |offset: usize| {
            let layer = self.layers.get(index + offset);
            layer.map_or(Role::Plain, |layer| layer.layer.role())
        };
        let own = |activation| match layer.absorbed {
            Some(_) => Activation::Linear,
            None => activation,
        };
        match (layer.layer.role(), shape) {
            (Role::Conv(conv), Shape::Image { height, width, .. }) => {
                let size = [height, width];
                let laid = windows(size, conv.kernel, [1; 2], [1; 2], conv.padding).ok()?;
                let (mut num_layers, mut activation) = (1, own(conv.activation));
                if let (Activation::Linear, Role::Pointwise(next)) = (activation, role(1)) {
                    (num_layers, activation) = (2, next);
                }
                let pool = role(num_layers) == Role::MaxPool && activation.is_monotone();
                let relu = activation == Activation::Relu;
                let options = BlockOptions {
                    padding: laid.padding,
                    relu,
                    pool,
                    precision: Precision::F32,
                };
                let folded = match role(1) {
                    Role::Norm(epsilon) if activation == Activation::Linear => {
                        let (behind, then) = self.norm_at(index + 1);
                        Some(Folded {
                            num_layers: 1 + behind,
                            options: BlockOptions {
                                relu: then != NormThen::Nothing,
                                pool: then == NormThen::ReluPool,
                                ..options
                            },
                            epsilon,
                        })
                    }
                    _ => None,
                };
                Some(Fused {
                    num_layers: num_layers + usize::from(pool),
                    block: Block::Conv(options, folded),
                    then: if relu { Activation::Linear } else { activation },
                })
            }
            (Role::Dense(activation), Shape::Flat { .. }) => {
                let (mut num_layers, mut activation) = (1, own(activation));
                if let (Activation::Linear, Role::Pointwise(next)) = (activation, role(1))
                    && self.layers[index + 1].absorbed.is_none()
                {
                    (num_layers, activation) = (2, next);
                }
                let epilogue = match activation {
                    Activation::Relu => Some(Epilogue::Relu),
                    Activation::Sigmoid => Some(Epilogue::Sigmoid),
                    Activation::Tanh => Some(Epilogue::Tanh),
                    _ => None,
                };
                Some(Fused {
                    num_layers,
                    block: Block::Dense(epilogue.unwrap_or_default()),
                    then: epilogue.map_or(activation, |_| Activation::Linear),
                })
            }
            (Role::MaxPool, Shape::Image { .. }) => Some(Fused {
                num_layers: 1,
                block: Block::MaxPool(false),
                then: Activation::Linear,
            }),
            (Role::Pointwise(activation), Shape::Image { .. })
                if activation.is_monotone() && role(1) == Role::MaxPool =>
            {
                let relu = activation == Activation::Relu;
                Some(Fused {
                    num_layers: 2,
                    block: Block::MaxPool(relu),
                    then: if relu { Activation::Linear } else { activation },
                })
            }
            (Role::Norm(_), _) => {
                let (num_layers, then) = self.norm_at(index);
                Some(Fused {
                    num_layers,
                    block: Block::Norm(then),
                    then: Activation::Linear,
                })
            }
            (Role::Alone, _) => Some(Fused {
                num_layers: 1,
                block: Block::Layer,
                then: Activation::Linear,
            }),
            _ => None,
        }
    }

    /// The layers of the block that begins with the batch normalisation at `index`, and what follows it there. Max
    /// pooling is of images alone.
    fn norm_at(&self, index: usize) -> (usize, NormThen) {
        let role = |offset: usize| {
            let layer = self.layers.get(index + offset);
            layer.map_or(Role::Plain, |layer| layer.layer.role())
        };
        match (role(1), role(2)) {
            (Role::Pointwise(Activation::Relu), Role::MaxPool) => (3, NormThen::ReluPool),
            (Role::Pointwise(Activation::Relu), _) => (2, NormThen::Relu),
            _ => (1, NormThen::Nothing),
        }
    }
}

impl PlannedLayer {
    /// What the layer table says of the way that the layer runs on the CPU.
    pub fn note(&self) -> String {
        match (self.absorbed, self.fused, self.layer.role()) {
            (Some(activation), ..) => format!("{} is left to the loss", activation.name()),
            (None, Some(fused), _) => match fused.num_layers {
                1 => "fused".to_string(),
                2 => "fused with the next".to_string(),
                more => format!("fused with the next {}", more - 1),
            },
            (None, None, Role::Slow(option)) => format!("plain operations ({option})"),
            (None, None, _) => String::new(),
        }
    }
}
