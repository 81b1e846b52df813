//! What the blocks' Burn operations share: an operation with its backward pass on the graph, where a gradient is asked for.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use crate::device::flex::Primitive;

/// Runs an operation on the tensors of `nodes`, and puts its backward pass on the graph where one of them is tracked.
/// `run` is told whether one is, and gives the output and what the backward pass needs.
pub fn recorded<C: CheckpointStrategy, B: Backward<Flex, N>, const N: usize>(
    backward: B,
    nodes: [NodeGuard; N],
    run: impl FnOnce(bool) -> (Primitive, B::State),
) -> FloatTensor<Autodiff<Flex, C>> {
    match backward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (out, state) = run(true);
            prepared.finish(state, out)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(run(false).0),
    }
}
