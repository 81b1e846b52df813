//! Cross-entropy on logits with its activation, sigmoid or softmax, as a Burn backend extension:
//! the losses and their gradient come out of one pass.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use crate::device::flex::{Primitive, tensor};
use crate::kernels::recorded::recorded;

/// The targets of the logits.
#[derive(Clone, Debug)]
pub enum Labels {
    /// Sigmoid; of each sample the share of the second class. One logit a sample.
    Binary(Arc<Vec<f32>>),
    /// Softmax; of each sample its class.
    Classes(Arc<Vec<u32>>),
    /// Softmax; of each sample the shares of all classes.
    Shares(Arc<Vec<f32>>),
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait LossBlock: Backend {
    /// The loss of each sample.
    fn cross_entropy(logits: FloatTensor<Self>, labels: Labels) -> FloatTensor<Self>;
}

/// The cross-entropy of each sample, on the CPU.
///
/// # Shapes
/// Logits `[batch, outputs]`, result `[batch]`.
///
/// # Panics
/// Where a class is not below the number of outputs.
pub fn cross_entropy(logits: Tensor<2>, labels: Labels) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::cross_entropy(logits.into_dispatch(), labels))
}

/// The losses, and of each the gradient with respect to its logits.
fn run(logits: Primitive, labels: &Labels) -> (Vec<f32>, Vec<f32>, [usize; 2]) {
    let [batch, outputs] = logits.shape().dims();
    let logits = logits.to_contiguous();
    let logits = logits.as_slice::<f32>().expect("contiguous floats");
    let mut losses = Vec::with_capacity(batch);
    let mut gradients = Vec::with_capacity(batch * outputs);
    for (sample, row) in logits.chunks_exact(outputs).enumerate() {
        match labels {
            Labels::Binary(shares) => {
                let (x, y) = (row[0], shares[sample]);
                losses.push(x.max(0.0) - x * y + (-x.abs()).exp().ln_1p());
                gradients.push(1.0 / (1.0 + (-x).exp()) - y);
            }
            Labels::Classes(classes) => {
                let class = classes[sample] as usize;
                let start = gradients.len();
                let log_sum = softmax(row, &mut gradients);
                losses.push(log_sum - row[class]);
                gradients[start + class] -= 1.0;
            }
            Labels::Shares(shares) => {
                let shares = &shares[sample * outputs..][..outputs];
                let start = gradients.len();
                let log_sum = softmax(row, &mut gradients);
                let total: f32 = shares.iter().sum();
                let pairs = row.iter().zip(shares);
                losses.push(pairs.map(|(x, share)| share * (log_sum - x)).sum());
                for (gradient, share) in gradients[start..].iter_mut().zip(shares) {
                    *gradient = *gradient * total - share;
                }
            }
        }
    }
    (losses, gradients, [batch, outputs])
}

/// Appends the softmax of a row; returns the logarithm of the sum of exponentials.
fn softmax(row: &[f32], to: &mut Vec<f32>) -> f32 {
    // `f32::max` would drop what is not a number; the sum brings it back.
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let start = to.len();
    to.extend(row.iter().map(|x| (x - most).exp()));
    let sum: f32 = to[start..].iter().sum();
    to[start..].iter_mut().for_each(|value| *value /= sum);
    most + sum.ln()
}

impl LossBlock for Flex {
    fn cross_entropy(logits: FloatTensor<Self>, labels: Labels) -> FloatTensor<Self> {
        let (losses, _, [batch, _]) = run(logits, &labels);
        tensor(losses, [batch])
    }
}

#[derive(Debug)]
struct LossBlockBackward;

impl Backward<Flex, 1> for LossBlockBackward {
    type State = (Vec<f32>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [logits] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let grad = grad.as_slice::<f32>().expect("contiguous floats");
        let (mut gradients, sizes) = ops.state;
        for (row, grad) in gradients.chunks_exact_mut(sizes[1]).zip(grad) {
            row.iter_mut().for_each(|value| *value *= grad);
        }
        if let Some(node) = logits {
            grads.register::<Flex>(node.id, tensor(gradients, sizes));
        }
    }
}

impl<C: CheckpointStrategy> LossBlock for Autodiff<Flex, C> {
    fn cross_entropy(logits: FloatTensor<Self>, labels: Labels) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        let (losses, gradients, sizes) = run(logits, &labels);
        let losses = tensor(losses, [sizes[0]]);
        recorded::<C, _, _>(LossBlockBackward, [node], |_| (losses, (gradients, sizes)))
    }
}
