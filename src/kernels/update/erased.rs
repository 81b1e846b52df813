//! An update: a rule with its numbers for one step, whatever its number of slots.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Tensor;

use crate::kernels::update::gradient::Gradient;
use crate::kernels::update::pass::in_place;
use crate::kernels::update::rule::{Decay, Rule};

/// A rule whose number of slots is known at run time.
trait AnyRule: Debug + Send + Sync {
    fn num_slots(&self) -> usize;

    fn fused(
        &self,
        decay: Decay,
        param: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
        grad: Gradient,
    ) -> Tensor<1>;

    fn plain(&self, param: Tensor<1>, slots: &mut Vec<Tensor<1>>, grad: Tensor<1>) -> Tensor<1>;
}

#[derive(Debug)]
struct WithSlots<const SLOTS: usize, R>(R);

impl<const SLOTS: usize, R: Rule<SLOTS>> AnyRule for WithSlots<SLOTS, R> {
    fn num_slots(&self) -> usize {
        SLOTS
    }

    fn fused(
        &self,
        decay: Decay,
        param: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
        grad: Gradient,
    ) -> Tensor<1> {
        let param = in_place(&self.0, decay, param, slots, grad);
        self.0.finish(param, slots)
    }

    fn plain(&self, param: Tensor<1>, slots: &mut Vec<Tensor<1>>, grad: Tensor<1>) -> Tensor<1> {
        let state = std::mem::take(slots);
        let state = state.try_into().expect("as many as the rule has");
        let (param, state) = self.0.plain(param, state, grad);
        *slots = state.into();
        param
    }
}

/// The update of an optimizer with its numbers for one step.
#[derive(Clone, Debug)]
pub struct Update {
    rule: Arc<dyn AnyRule>,
    decay: Decay,
}

impl Update {
    /// Without weight decay.
    pub fn new<const SLOTS: usize>(rule: impl Rule<SLOTS>) -> Update {
        Update {
            rule: Arc::new(WithSlots(rule)),
            decay: Decay {
                coupled: 0.0,
                keep: 1.0,
            },
        }
    }

    /// With coupled weight decay: so many times the parameter is added to the gradient first.
    pub fn coupled_decay(mut self, decay: f32) -> Update {
        self.decay.coupled = decay;
        self
    }

    /// With decoupled weight decay, which leaves this share of a parameter.
    pub fn keeping(mut self, keep: f32) -> Update {
        self.decay.keep = keep;
        self
    }

    /// Tensors of state.
    pub fn num_slots(&self) -> usize {
        self.rule.num_slots()
    }

    /// The fused form, on the CPU.
    pub fn fused(&self, param: Tensor<1>, slots: &mut Vec<Tensor<1>>, grad: Gradient) -> Tensor<1> {
        self.rule.fused(self.decay, param, slots, grad)
    }

    /// The form of tensor operations, on any device.
    pub fn plain(
        &self,
        param: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
        grad: Tensor<1>,
    ) -> Tensor<1> {
        let grad = match self.decay.coupled {
            0.0 => grad,
            decay => grad + param.clone() * decay,
        };
        let param = match self.decay.keep {
            1.0 => param,
            keep => param * keep,
        };
        self.rule.plain(param, slots, grad)
    }
}
