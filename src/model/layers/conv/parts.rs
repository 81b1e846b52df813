//! Layers that are convolutions one behind the other.

use crate::data::{Shape, Value};
use crate::model::activation::Activation;
use crate::model::graph::{
    Chain, Forward, LayerList, LayerReader, Mismatch, Planned, PlannedLayer, Scope,
};

/// Convolutions one behind the other, and what follows them.
#[derive(Debug)]
struct Parts {
    chain: Chain,
    activation: Activation,
}

/// Plans convolutions one behind the other, with an activation behind the last.
///
/// # Errors
/// What does not fit the input.
pub fn plan_parts(
    list: &LayerList,
    activation: Activation,
    input: Shape,
    reader: LayerReader,
) -> Result<Planned, Mismatch> {
    // The experiment describes one layer: what does not fit is said of that one.
    let chain = Chain::plan_within(list, input, "", reader).map_err(|misfit| misfit.mismatch)?;
    let (output, cost, working) = (chain.output(), chain.multiply_adds(), chain.working());
    Ok(Planned::new(Parts { chain, activation }, output)
        .multiply_adds(cost)
        .working(working))
}

impl Forward for Parts {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let y = self.chain.run_within(scope, 0, input);
        scope.activate(self.activation, y)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn children(&self) -> Vec<&PlannedLayer> {
        self.chain.layers.iter().collect()
    }
}
