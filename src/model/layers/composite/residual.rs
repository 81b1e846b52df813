//! Residual blocks (He and others, 2015): layers whose output is added to their input.

use burn::tensor::{FloatDType, Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Path, Spec};
use crate::data::{Purpose, Rng, Shape, Value, hash_text};
use crate::model::activation::Activation;
use crate::model::graph::{
    Chain, Forward, Layer, LayerList, LayerReader, Mismatch, Planned, PlannedLayer, Scope,
    check_numbers,
};
use crate::model::init::Init;
use crate::model::layers::conv::{Conv1d, Conv2d, Window1d, Window2d};
use crate::model::layers::dense::Dense;
use crate::model::layers::norm::BatchNorm;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::penalty::Penalty;

/// `activation(layers(x) + shortcut(x))`. Where the layers change the shape, the shortcut is a convolution of
/// 1 x 1 with a stride (of images) or a product (of rows), without a bias; it starts as the first layer of the
/// block that says how its weights start.
///
/// # Shapes
/// Output: that of the last layer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The layers of the block.
    #[schemars(length(min = 1))]
    layers: Vec<Spec>,
    /// The activation after the sum.
    #[serde(default = "options::linear")]
    activation: Activation,
    /// The share of samples of which training leaves the layers out, so that they pass by the shortcut
    /// alone (stochastic depth, Huang and others, 2016).
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    drop_path: f64,
    /// Normalises what a projecting shortcut gives by batch normalisation, with the options of the block's first
    /// one.
    #[serde(default)]
    shortcut_norm: bool,
}

/// A residual block for one shape of its input.
#[derive(Debug)]
struct PlannedResidual {
    /// Its layers are called by their numbers.
    block: Chain,
    /// Empty where the input is added as it is; its layers are called "shortcut." and their numbers.
    shortcut: Chain,
    activation: Activation,
    drop_path: f64,
}

impl Residual {
    /// The layers that bring `input` to the shape `output`. `block` are the block's own.
    fn shortcut(
        &self,
        input: Shape,
        output: Shape,
        block: LayerList,
    ) -> Result<LayerList, Mismatch> {
        let weights = WeightOptions {
            weight_init: self.weight_init().unwrap_or_else(options::glorot),
            ..WeightOptions::default()
        };
        let (tag, projection): (_, Box<dyn Layer>) = match (input, output) {
            (input, output) if input == output => return Ok(Vec::new()),
            (
                Shape::Image { height, width, .. },
                Shape::Image {
                    height: to_height,
                    width: to_width,
                    channels,
                },
            ) => {
                let stride = [height.div_ceil(to_height), width.div_ceil(to_width)];
                let conv = Conv2d {
                    filters: channels,
                    window: Window2d::pixels(stride),
                    groups: 1,
                    bias: false,
                    weights,
                    penalty: Penalty::default(),
                    in_channels: None,
                };
                ("conv2d", Box::new(conv))
            }
            (Shape::Flat { .. }, Shape::Flat { features }) => {
                let dense = Dense {
                    units: features,
                    bias: false,
                    weights,
                    penalty: Penalty::default(),
                    in_features: None,
                };
                ("dense", Box::new(dense))
            }
            (
                Shape::Sequence { length, .. },
                Shape::Sequence {
                    length: same,
                    features,
                },
            ) if length == same => {
                let conv = Conv1d {
                    filters: features,
                    window: Window1d::steps(),
                    groups: 1,
                    bias: false,
                    weights,
                    penalty: Penalty::default(),
                };
                ("conv1d", Box::new(conv))
            }
            _ => return Err(no_shortcut(input, output)),
        };
        let mut layers = vec![(tag.to_string(), projection)];
        if self.shortcut_norm {
            let norm = block.into_iter().find(|(tag, _)| tag == "batch_norm");
            let default = || {
                (
                    "batch_norm".to_string(),
                    Box::new(BatchNorm::default()) as _,
                )
            };
            layers.push(norm.unwrap_or_else(default));
        }
        Ok(layers)
    }

    /// How the weights of the first layer start that says so.
    fn weight_init(&self) -> Option<Init> {
        let mut own = self.layers.iter().map(Spec::options);
        let init = own.find_map(|options| options.get("weight_init").cloned())?;
        serde_json::from_value(init).ok()
    }
}

fn no_shortcut(input: Shape, output: Shape) -> Mismatch {
    let message = format!("turn {input} into {output}, which no shortcut does");
    Mismatch::of("layers", message)
}

/// A mismatch of the shortcut's layers, which the experiment does not describe, as one of the block's.
fn at_layers(mismatch: Mismatch) -> Mismatch {
    let faults = mismatch.faults.iter();
    let words: Vec<String> = faults.map(|fault| fault.message.clone()).collect();
    Mismatch::of("layers", format!("have no shortcut: {}", words.join("; ")))
}

fn combine<const D: usize>(x: Tensor<D>, shortcut: Tensor<D>, kept: Option<Vec<f32>>) -> Tensor<D> {
    // Where layers compute in 16 bits, one of the two may end with a layer that needs 32.
    let (x, shortcut) = match x.dtype() == shortcut.dtype() {
        true => (x, shortcut),
        false => (x.cast(FloatDType::F32), shortcut.cast(FloatDType::F32)),
    };
    let Some(kept) = kept else {
        return x + shortcut;
    };
    let mut shape = [1; D];
    shape[0] = kept.len();
    let kept = Tensor::<D>::from_data(TensorData::new(kept, shape), &x.device());
    let kept = kept.cast(x.dtype());
    x * kept + shortcut
}

impl Layer for Residual {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        check_numbers(input)?;
        let list = Path::parse("layers");
        let read = reader.read_list(&self.layers, &list);
        let layers = read.map_err(|faults| Mismatch { faults })?;
        let block = Chain::plan_within(&layers, input, "", reader)
            .map_err(|misfit| misfit.within(&list))?;
        let output = block.output();
        // The block's batch normalisation is planned once more, for what the projection gives.
        let layers = self.shortcut(input, output, layers)?;
        let shortcut = Chain::plan_within(&layers, input, "shortcut.", reader)
            .map_err(|misfit| at_layers(misfit.mismatch))?;
        if shortcut.output() != output {
            return Err(no_shortcut(input, output));
        }
        let costs = [block.multiply_adds(), shortcut.multiply_adds()];
        let working = block.working() + shortcut.working();
        let planned = PlannedResidual {
            block,
            shortcut,
            activation: self.activation,
            drop_path: self.drop_path,
        };
        Ok(Planned::new(planned, output)
            .multiply_adds(costs[0].saturating_add(costs[1]))
            .working(working))
    }

    fn described(&self) -> Vec<(Path, &Spec)> {
        let list = Path::parse("layers");
        let numbered = self.layers.iter().enumerate();
        numbered
            .map(|(index, spec)| (list.index(index), spec))
            .collect()
    }
}

impl PlannedResidual {
    /// `1 / (1 - rate)` or 0 for each sample.
    fn kept(&self, scope: &Scope<'_>) -> Option<Vec<f32>> {
        let training = scope.pass.training.filter(|_| self.drop_path > 0.0)?;
        let layer = hash_text(&format!("{}.path", scope.name));
        let keep = (1.0 / (1.0 - self.drop_path)) as f32;
        let kept = training.ids.iter().map(|&id| {
            let address = [layer, training.epoch, u64::from(id)];
            let dropped = Rng::new(training.seed, Purpose::Dropout, &address).uniform();
            if dropped < self.drop_path { 0.0 } else { keep }
        });
        Some(kept.collect())
    }
}

impl Forward for PlannedResidual {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = self.block.run_within(scope, 0, input.clone());
        let count = self.block.num_params();
        let shortcut = self.shortcut.run_within(scope, count, input);
        let kept = self.kept(scope);
        let sum = match (x, shortcut) {
            (Value::Image(x), Value::Image(y)) => Value::Image(combine(x, y, kept)),
            (Value::Sequence(x), Value::Sequence(y)) => Value::Sequence(combine(x, y, kept)),
            (Value::Flat(x), Value::Flat(y)) => Value::Flat(combine(x, y, kept)),
            (x, _) => unreachable!("planned for one shape, got {x:?}"),
        };
        scope.activate(self.activation, sum)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn is_random(&self) -> bool {
        self.drop_path > 0.0
    }

    fn children(&self) -> Vec<&PlannedLayer> {
        let layers = self.block.layers.iter();
        layers.chain(&self.shortcut.layers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layers::LAYERS;
    use crate::model::tuning::Tuning;
    use serde_json::json;

    fn plan(options: serde_json::Value, input: Shape) -> PlannedLayer {
        let block: Residual = serde_json::from_value(options).expect("options");
        let planned = block.plan(input, LayerReader::new(LAYERS));
        let planned = planned
            .and_then(|planned| planned.named("model.0", "residual", input, Tuning::default()));
        planned.expect("a block that fits")
    }

    #[test]
    fn the_shortcut_starts_and_normalises_as_the_block_does() {
        let options = json!({"shortcut_norm": true, "layers": [
            {"dense": {"units": 3, "weight_init": "torch_uniform"}}, {"batch_norm": {"epsilon": 0.5}}]});
        let layer = plan(options, Shape::Flat { features: 2 });
        let find = |name: &str| layer.params.iter().find(|spec| spec.name == name);
        let weight = find("shortcut.0.weight").expect("a projection");
        assert_eq!(weight.init, Init::TorchUniform);
        assert!(find("shortcut.1.gamma").is_some());
        let children = layer.children();
        let norm = children.last().expect("a normalisation");
        assert_eq!(norm.name, "shortcut.1");
        assert!(format!("{:?}", norm.forward).contains("epsilon: 0.5"));
    }
}
