//! The parameter store: every weight under a stable name, in order.

use std::borrow::Cow;

use burn::tensor::{Device, Tensor, TensorData};

use super::init::{Fans, Init};
use super::penalty::{Penalty, Restraint};
use super::tuning::{Frozen, Tuning};
use crate::data::size_product;
use crate::kernels::Sink;

/// A parameter as its layer declares it.
#[derive(Clone, Debug)]
pub struct ParamSpec {
    /// The name within the layer ("weight").
    pub name: Cow<'static, str>,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Its initial values.
    pub init: Init,
    /// For initialisers that scale with them.
    pub fans: Fans,
    /// Whether training changes it by gradients.
    pub trainable: bool,
    /// Penalties of its layer.
    pub restraint: Restraint,
    /// How its layer is trained.
    pub tuning: Tuning,
}

impl ParamSpec {
    /// A trainable parameter.
    pub fn new(name: &'static str, shape: &[usize], init: Init, fans: Fans) -> ParamSpec {
        ParamSpec {
            name: Cow::Borrowed(name),
            shape: shape.to_vec(),
            init,
            fans,
            trainable: true,
            restraint: Restraint::default(),
            tuning: Tuning::default(),
        }
    }

    /// The same with its layer's penalties; `view` is the parameter as `[groups, before, units, after]`.
    pub fn penalised(self, penalty: Penalty, view: [usize; 4]) -> ParamSpec {
        let restraint = Restraint { penalty, view };
        ParamSpec { restraint, ..self }
    }

    /// A buffer (a running mean): saved, but without a gradient.
    pub fn buffer(name: &'static str, shape: &[usize], init: Init) -> ParamSpec {
        let fans = Fans {
            fan_in: 1,
            fan_out: 1,
        };
        ParamSpec {
            trainable: false,
            ..ParamSpec::new(name, shape, init, fans)
        }
    }

    /// Whether training changes it in some epoch, by gradients.
    pub fn is_trained(&self) -> bool {
        self.trainable && self.tuning.frozen != Frozen::Always
    }

    /// The same parameter as the outer layer names it: of its part called `part`.
    pub fn within(&self, part: &str) -> ParamSpec {
        ParamSpec {
            name: Cow::Owned(format!("{part}.{}", self.name)),
            ..self.clone()
        }
    }

    /// The number of values; saturates.
    pub fn num_elements(&self) -> usize {
        size_product(&self.shape)
    }
}

/// One parameter. The tensor is flat; layers give it its shape when they use it, so that every
/// parameter and every optimizer state has one type.
#[derive(Clone, Debug)]
pub struct Param {
    /// The full name ("model.2.weight").
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Whether training changes it by gradients.
    pub trainable: bool,
    /// Penalties of its layer.
    pub restraint: Restraint,
    /// How its layer is trained.
    pub tuning: Tuning,
    /// Whether it is frozen now: neither gradients nor statistics change it.
    pub frozen: bool,
    /// `[elements]`, without autodiff.
    pub tensor: Tensor<1>,
}

/// Every parameter of a net, in the order of the layers.
#[derive(Clone, Debug, Default)]
pub struct ParamStore {
    /// In order.
    pub params: Vec<Param>,
}

impl ParamStore {
    /// Draws the initial values of every parameter. `specs` are (full name, spec).
    pub fn init<'a>(
        specs: impl Iterator<Item = (String, &'a ParamSpec)>,
        seed: u64,
        device: &Device,
    ) -> ParamStore {
        let params = specs
            .map(|(name, spec)| {
                let values = spec.init.values(seed, &name, &spec.shape, spec.fans);
                Param {
                    shape: spec.shape.clone(),
                    trainable: spec.trainable,
                    restraint: spec.restraint,
                    tuning: spec.tuning,
                    frozen: spec.tuning.frozen.in_epoch(0),
                    tensor: upload(values, device),
                    name,
                }
            })
            .collect();
        ParamStore { params }
    }

    /// The tensors for a forward pass without gradients.
    pub fn tensors(&self) -> Vec<Tensor<1>> {
        self.params.iter().map(|p| p.tensor.clone()).collect()
    }

    /// The tensors for a forward pass that records gradients: leaves of a new graph. A parameter
    /// whose gradient goes to a sink needs no tracking; `sinks` may be empty.
    pub fn leaves(&self, sinks: &[Option<Sink>]) -> Vec<Tensor<1>> {
        let params = self.params.iter().enumerate();
        params
            .map(|(index, param)| {
                let tensor = param.tensor.clone().autodiff();
                let sunk = sinks.get(index).is_some_and(Option::is_some);
                if param.trainable && !param.frozen && !sunk {
                    tensor.require_grad()
                } else {
                    tensor
                }
            })
            .collect()
    }

    /// Stores new values of buffers, by full name.
    pub fn store(&mut self, updates: Vec<(String, Tensor<1>)>) {
        for (name, value) in updates {
            if let Some(param) = self.params.iter_mut().find(|p| p.name == name) {
                param.tensor = value;
            }
        }
    }

    /// Values of all parameters.
    pub fn num_elements(&self) -> usize {
        self.params
            .iter()
            .map(|p| p.shape.iter().product::<usize>())
            .sum()
    }
}

/// Copies values to a device.
pub fn upload(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [len]), device)
}
