//! A recurrent layer that reads a sequence in both directions.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Path, Spec};
use crate::data::{Shape, Value, size_product};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Params, Planned, PlannedLayer, Scope, Working, run_block,
};

/// Two layers of the same kind, one of which reads from the end; their outputs for a step are merged.
/// Keras's `Bidirectional`.
///
/// # Shapes
/// Those of the layer; with `merge = "concat"` twice the features.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bidirectional {
    /// A recurrent layer: { lstm = { units = 32 } }.
    layer: Spec,
    /// How the two outputs are merged.
    #[serde(default)]
    merge: Merge,
}

/// How two outputs are merged.
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

/// Both layers for one shape of their input.
#[derive(Debug)]
struct PlannedBidirectional {
    /// Called "forward" and "backward".
    layers: [PlannedLayer; 2],
    merge: Merge,
}

impl Bidirectional {
    /// The shape of both outputs, merged.
    fn merged(&self, output: Shape) -> Shape {
        let twice = |features: usize| match self.merge {
            Merge::Concat => size_product(&[2, features]),
            Merge::Sum | Merge::Ave | Merge::Mul => features,
        };
        match output {
            Shape::Sequence { length, features } => Shape::Sequence {
                length,
                features: twice(features),
            },
            other => Shape::Flat {
                features: twice(other.num_elements()),
            },
        }
    }
}

impl Layer for Bidirectional {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (path, tag) = (Path::parse("layer"), self.layer.name());
        let read = reader.read(&self.layer, &path);
        let layer = read.map_err(|faults| Mismatch { faults })?;
        let Some(reversed) = layer.reversed() else {
            let message = format!("is {tag:?}, expected a recurrent layer: lstm or gru");
            return Err(Mismatch::of("layer", message));
        };
        // Both have one description: what is wrong is said once, and lies there.
        let plan = |layer: Box<dyn Layer>, name: &str| {
            let planned = layer.plan(input, reader);
            let named =
                planned.and_then(|planned| planned.named(name, tag, input, reader.tuning()));
            named.map_err(|mismatch| Mismatch {
                faults: mismatch.at(&path, tag),
            })
        };
        let layers = [plan(layer, PARTS[0])?, plan(reversed, PARTS[1])?];
        let output = self.merged(layers[0].output);
        let costs = layers.iter().map(|layer| layer.multiply_adds);
        let multiply_adds = costs.fold(0, u64::saturating_add);
        let working = layers.iter().fold(Working::default(), |sum, layer| {
            let output = Working {
                per_sample: layer.output.num_elements() as u64,
                fixed: 0,
            };
            sum + output + layer.working
        });
        let merge = self.merge;
        Ok(Planned::new(PlannedBidirectional { layers, merge }, output)
            .multiply_adds(multiply_adds)
            .working(working))
    }

    fn described(&self) -> Vec<(Path, &Spec)> {
        vec![(Path::parse("layer"), &self.layer)]
    }
}

impl Forward for PlannedBidirectional {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let half = scope.tensors.len() / 2;
        let run = |index: usize, input: Value| {
            let first = index * half;
            let params = Params {
                tensors: &scope.tensors[first..],
                sinks: scope.sinks.get(first..).unwrap_or_default(),
            };
            // Dropout is drawn by this name, not by that of the parameters, which has no number at its end: so
            // the masks stay what they always were.
            let name = format!("{}.{}.0", scope.name, PARTS[index]);
            let layer = std::slice::from_ref(&self.layers[index]);
            run_block(layer, 0, &name, input, params, scope.pass).1
        };
        let (one, other) = (run(0, input.clone()), run(1, input));
        match (one, other) {
            (Value::Sequence(one), Value::Sequence(other)) => {
                Value::Sequence(self.merge.apply(one, other))
            }
            (Value::Flat(one), Value::Flat(other)) => Value::Flat(self.merge.apply(one, other)),
            (one, _) => unreachable!("planned for a recurrent layer, got {one:?}"),
        }
    }

    fn children(&self) -> Vec<&PlannedLayer> {
        self.layers.iter().collect()
    }
}
