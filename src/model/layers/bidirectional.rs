//! A recurrent layer that reads a sequence in both directions.

use std::sync::OnceLock;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Scope, Working};
use crate::config::{Fault, Path, Spec};
use crate::data::{Shape, Value, size_product};
use crate::model::network::{Layers, Network};

/// Two layers of the same kind, one of which reads from the end; their outputs for a step are merged.
/// Keras's `Bidirectional`.
///
/// # Shapes
/// Those of the layer; with `merge = "concat"` twice the features.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bidirectional {
    /// A recurrent layer: { lstm = { units = 32 } }.
    layer: Spec,
    /// What becomes of the two outputs.
    #[serde(default)]
    merge: Merge,
    #[serde(skip)]
    planned: OnceLock<[Network; 2]>,
}

/// What becomes of two outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Merge {
    /// One beside the other.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their mean.
    Ave,
    /// Their product.
    Mul,
}

impl Merge {
    fn apply<const D: usize>(self, one: Tensor<D>, other: Tensor<D>) -> Tensor<D> {
        match self {
            Merge::Concat => Tensor::cat(vec![one, other], D - 1),
            Merge::Sum => one + other,
            Merge::Ave => (one + other) * 0.5,
            Merge::Mul => one * other,
        }
    }
}

const PARTS: [&str; 2] = ["forward", "backward"];

impl Bidirectional {
    /// The layer's own description, and one with time turned round.
    fn specs(&self) -> Result<[Spec; 2], Mismatch> {
        let name = self.layer.name().to_string();
        if !["lstm", "gru"].contains(&&*name) {
            let message = format!("is {name:?}, expected a recurrent layer: lstm or gru");
            return Err(Mismatch::of("layer", message));
        }
        let mut options = self.layer.options();
        let turned = options.get("go_backwards").and_then(|v| v.as_bool());
        if let Some(options) = options.as_object_mut() {
            let turned = !turned.unwrap_or(false);
            options.insert("go_backwards".into(), turned.into());
        }
        let back = Spec::Options([(name, options)].into());
        Ok([self.layer.clone(), back])
    }
}

/// A fault of the first layer of `model.layers` as one of the option `layer`.
fn within_list(fault: Fault) -> Fault {
    let below = fault.path.0.get(3..).unwrap_or_default().to_vec();
    Fault {
        path: Path::parse("layer").join(&Path(below)),
        ..fault
    }
}

impl Layer for Bidirectional {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let mut networks = Vec::new();
        for spec in self.specs()? {
            // Both are read from one description: what is wrong is said once, and lies there.
            let here = Path::parse("layer");
            let placed = |mismatch: Mismatch| Mismatch {
                faults: mismatch.at(&here, self.layer.name()),
            };
            let layers = Layers::read(&[spec]).map_err(|faults| Mismatch {
                faults: faults.into_iter().map(within_list).collect(),
            })?;
            networks.push(Network::plan_inner(layers, input, None).map_err(placed)?);
        }
        let named = networks.iter().zip(PARTS);
        let params = named.flat_map(|(network, part)| {
            let specs = network.layers.iter().flat_map(|layer| &layer.params);
            specs.map(move |spec| spec.within(part))
        });
        let params = params.collect();
        let costs = networks.iter().map(Network::multiply_adds);
        let multiply_adds = costs.fold(0, u64::saturating_add);
        let twice = |features: usize| match self.merge {
            Merge::Concat => size_product(&[2, features]),
            Merge::Sum | Merge::Ave | Merge::Mul => features,
        };
        let output = match networks[0].output() {
            Shape::Sequence { length, features } => Shape::Sequence {
                length,
                features: twice(features),
            },
            other => Shape::Flat {
                features: twice(other.num_elements()),
            },
        };
        if let Ok(networks) = networks.try_into() {
            let _ = self.planned.set(networks);
        }
        Ok(LayerPlan {
            output,
            params,
            multiply_adds,
        })
    }

    fn described(&self) -> Vec<(Path, &Spec)> {
        vec![(Path::parse("layer"), &self.layer)]
    }

    fn working(&self, _: Shape) -> Working {
        let planned = self.planned.get();
        let both = planned.map(|[one, other]| one.working() + other.working());
        both.unwrap_or_default()
    }

    fn holds_layers(&self) -> bool {
        true
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let networks = self
            .planned
            .get()
            .expect("a layer runs after it was planned");
        let run = |network: &Network, part: &str, first: usize| {
            let name = format!("{}.{part}", scope.name);
            network.run_inner(&name, input.clone(), scope, first)
        };
        let one = run(&networks[0], PARTS[0], 0);
        let other = run(&networks[1], PARTS[1], scope.tensors.len() / 2);
        match (one, other) {
            (Value::Sequence(one), Value::Sequence(other)) => {
                Value::Sequence(self.merge.apply(one, other))
            }
            (Value::Flat(one), Value::Flat(other)) => Value::Flat(self.merge.apply(one, other)),
            (one, _) => unreachable!("planned for a recurrent layer, got {one:?}"),
        }
    }
}
