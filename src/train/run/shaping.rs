//! Transformations of gradients before an update: penalties on the weights, of the experiment and of single
//! layers, and clipping.

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::config::Train;
use crate::device::copy_to_host;
use crate::kernels::Gradient;
use crate::model::{Param, ParamStore};

/// Penalties and limits; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shaping {
    l1: f64,
    l2: f64,
    clip_norm: Option<f64>,
    clip_value: Option<f64>,
}

/// Values of one partial sum: fixed, so that the bits do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

impl Shaping {
    /// The options of an experiment.
    pub fn new(train: &Train) -> Shaping {
        Shaping {
            l1: train.l1,
            l2: train.l2,
            clip_norm: train.clip_norm,
            clip_value: train.clip_value,
        }
    }

    /// Whether gradients are needed as tensors: those that come as factors are never stored.
    pub fn needs_whole(&self) -> bool {
        *self != Shaping::default()
    }

    /// The l1 and the l2 of a parameter: its layer's and the experiment's.
    fn penalties(&self, param: &Param) -> (f64, f64) {
        let own = param.restraint.penalty;
        match is_weight(param) {
            true => (own.l1 + self.l1, own.l2 + self.l2),
            false => (own.l1, own.l2),
        }
    }

    /// Adds the penalties' gradients, then cuts values, then scales all to the norm.
    pub fn apply(
        &self,
        mut grads: Vec<Option<Gradient>>,
        params: &ParamStore,
    ) -> Vec<Option<Gradient>> {
        let mut restraints = params.params.iter().map(|param| param.restraint);
        if !self.needs_whole() && !restraints.any(|own| own.shapes_gradient()) {
            return grads;
        }
        for (grad, param) in grads.iter_mut().zip(&params.params) {
            let Some(Gradient::Whole(grad)) = grad else {
                continue;
            };
            let mut shaped = (**grad).clone();
            let (l1, l2) = self.penalties(param);
            if l2 > 0.0 {
                shaped = shaped + param.tensor.clone() * (2.0 * l2);
            }
            if l1 > 0.0 {
                shaped = shaped + param.tensor.clone().sign() * l1;
            }
            if let Some(limit) = self.clip_value {
                shaped = shaped.clamp(-limit, limit);
            }
            **grad = shaped;
        }
        let Some(limit) = self.clip_norm else {
            return grads;
        };
        let squares = grads.iter().flatten().map(|grad| match grad {
            Gradient::Whole(grad) => sum_of_squares(grad),
            Gradient::Factors(_) => 0.0, // not where gradients are shaped
        });
        let norm = squares.sum::<f64>().sqrt();
        if norm > limit {
            let scale = limit / (norm + 1e-6);
            for grad in grads.iter_mut().flatten() {
                if let Gradient::Whole(grad) = grad {
                    **grad = (**grad).clone() * scale;
                }
            }
        }
        grads
    }
}

/// Whether the experiment's penalties are for this parameter: biases and what norms scale with are left alone.
fn is_weight(param: &Param) -> bool {
    param
        .name
        .rsplit('.')
        .next()
        .is_some_and(|name| name.ends_with("weight"))
}

fn sum_of_squares(tensor: &Tensor<1>) -> f64 {
    let mut values = Vec::new();
    copy_to_host(tensor, &mut values);
    let parts = values.par_chunks(CHUNK).map(|part| {
        let squares = part.iter().map(|&x| f64::from(x) * f64::from(x));
        squares.sum::<f64>()
    });
    let parts: Vec<f64> = parts.collect();
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Restraint, Tuning};
    use burn::tensor::Device;

    fn shaped(shaping: Shaping) -> Vec<f32> {
        let device = Device::flex();
        let tensor = |values: [f32; 2]| Tensor::<1>::from_floats(values, &device);
        let param = |name: &str, values| Param {
            name: name.to_string(),
            shape: vec![2],
            trainable: true,
            restraint: Restraint::default(),
            tuning: Tuning::default(),
            frozen: false,
            tensor: tensor(values),
        };
        let params = ParamStore {
            params: vec![
                param("model.0.weight", [1.0, -2.0]),
                param("model.0.bias", [5.0, 5.0]),
            ],
        };
        let grads = [[3.0, 0.0], [0.0, 4.0]];
        let grads = grads.map(|grad| Some(Gradient::Whole(Box::new(tensor(grad)))));
        let shaped = shaping.apply(grads.into(), &params);
        let values = shaped.into_iter().flatten().flat_map(|grad| match grad {
            Gradient::Whole(grad) => crate::model::host(*grad),
            Gradient::Factors(_) => panic!("whole gradients stay whole"),
        });
        values.collect()
    }

    #[test]
    fn penalties_are_for_weights_alone() {
        let l2 = Shaping {
            l2: 0.5,
            ..Shaping::default()
        };
        assert_eq!(shaped(l2), [4.0, -2.0, 0.0, 4.0]);
        let l1 = Shaping {
            l1: 0.5,
            ..Shaping::default()
        };
        assert_eq!(shaped(l1), [3.5, -0.5, 0.0, 4.0]);
    }

    /// `torch.nn.utils.clip_grad_norm_` of gradients [3, 0] and [0, 4] to 2.5: half of each.
    #[test]
    fn clipping_keeps_the_direction_or_cuts_each_value() {
        let norm = Shaping {
            clip_norm: Some(2.5),
            ..Shaping::default()
        };
        let found = shaped(norm);
        for (found, expected) in found.iter().zip([1.5, 0.0, 0.0, 2.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let loose = Shaping {
            clip_norm: Some(6.0),
            ..Shaping::default()
        };
        assert_eq!(shaped(loose), [3.0, 0.0, 0.0, 4.0]);
        let value = Shaping {
            clip_value: Some(1.0),
            ..Shaping::default()
        };
        assert_eq!(shaped(value), [1.0, 0.0, 0.0, 1.0]);
    }
}
