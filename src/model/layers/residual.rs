//! Residual blocks (He and others, 2015): layers whose output is added to their input.

use std::sync::OnceLock;

use burn::tensor::{FloatDType, Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Scope, Working, check_numbers, defaults};
use crate::config::{Path, Spec};
use crate::data::{Purpose, Rng, Shape, Value, hash_text};
use crate::model::activation::Activation;
use crate::model::network::{Layers, Network};

/// `activation(layers(x) + shortcut(x))`. Where the layers change the shape, the shortcut is a convolution of
/// 1 x 1 with a stride (of images) or a product (of rows), without a bias; it starts as the first layer of the
/// block that says how its weights start.
///
/// # Shapes
/// Output: that of the last layer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The layers of the block.
    #[schemars(length(min = 1))]
    layers: Vec<Spec>,
    /// What follows the sum.
    #[serde(default = "defaults::linear")]
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
    #[serde(skip)]
    planned: OnceLock<(Network, Network)>,
}

/// The layers of the block itself.
///
/// # Errors
/// The first layer that does not fit.
fn plan(specs: &[Spec], input: Shape) -> Result<Network, Mismatch> {
    let list = Path::parse("layers");
    let layers = Layers::read_at(specs, &list).map_err(|faults| Mismatch { faults })?;
    Network::plan_inner(layers, input, Some(&list))
}

/// The layers of a shortcut, which the experiment does not describe.
fn plan_shortcut(specs: &[Spec], input: Shape) -> Result<Network, Mismatch> {
    let at_layers = |mismatch: Mismatch| {
        let words: Vec<String> = mismatch
            .faults
            .iter()
            .map(|fault| fault.message.clone())
            .collect();
        Mismatch::of("layers", format!("have no shortcut: {}", words.join("; ")))
    };
    let layers = Layers::read(specs).map_err(|faults| at_layers(Mismatch { faults }))?;
    Network::plan_inner(layers, input, None).map_err(at_layers)
}

impl Residual {
    /// What brings `input` to the shape `output`.
    fn shortcut(&self, input: Shape, output: Shape) -> Result<Network, Mismatch> {
        let no_way = || {
            let message = format!("turn {input} into {output}, which no shortcut does");
            Mismatch::of("layers", message)
        };
        let mut json = match (input, output) {
            (input, output) if input == output => return plan_shortcut(&[], input),
            (
                Shape::Image { height, width, .. },
                Shape::Image {
                    height: to_height,
                    width: to_width,
                    channels,
                },
            ) => {
                let stride = [height.div_ceil(to_height), width.div_ceil(to_width)];
                serde_json::json!({"conv2d": {
                    "filters": channels, "kernel": 1, "stride": stride, "padding": "same", "bias": false,
                }})
            }
            (Shape::Flat { .. }, Shape::Flat { features }) => {
                serde_json::json!({"dense": {"units": features, "bias": false}})
            }
            (
                Shape::Sequence { length, .. },
                Shape::Sequence {
                    length: same,
                    features,
                },
            ) if length == same => {
                serde_json::json!({"conv1d": {"filters": features, "kernel": 1, "bias": false}})
            }
            _ => return Err(no_way()),
        };
        let options = json.as_object_mut().into_iter().flatten().next();
        let options = options.and_then(|(_, options)| options.as_object_mut());
        let mut own = self.layers.iter().map(Spec::options);
        let init = own.find_map(|options| options.get("weight_init").cloned());
        if let (Some(options), Some(init)) = (options, init) {
            options.insert("weight_init".into(), init);
        }
        let mut specs: Vec<Spec> = vec![serde_json::from_value(json).map_err(|_| no_way())?];
        if self.shortcut_norm {
            let mut norms = self
                .layers
                .iter()
                .filter(|spec| spec.name() == "batch_norm");
            let norm = norms.next().cloned();
            specs.push(norm.unwrap_or_else(|| Spec::Name("batch_norm".into())));
        }
        let shortcut = plan_shortcut(&specs, input)?;
        if shortcut.output() == output {
            Ok(shortcut)
        } else {
            Err(no_way())
        }
    }

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
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        check_numbers(input)?;
        let inner = plan(&self.layers, input)?;
        let shortcut = self.shortcut(input, inner.output())?;
        let named = |network: &Network, within: &str| -> Vec<_> {
            let layers = network.layers.iter();
            let specs = layers.flat_map(|layer| {
                let part = format!("{within}{}", layer.name);
                layer.params.iter().map(move |spec| spec.within(&part))
            });
            specs.collect()
        };
        let mut params = named(&inner, "");
        params.extend(named(&shortcut, "shortcut."));
        let plan = LayerPlan {
            output: inner.output(),
            params,
            multiply_adds: inner
                .multiply_adds()
                .saturating_add(shortcut.multiply_adds()),
        };
        let _ = self.planned.set((inner, shortcut));
        Ok(plan)
    }

    fn described(&self) -> Vec<(Path, &Spec)> {
        let list = Path::parse("layers");
        let numbered = self.layers.iter().enumerate();
        numbered
            .map(|(index, spec)| (list.index(index), spec))
            .collect()
    }

    fn working(&self, _: Shape) -> Working {
        let planned = self.planned.get();
        let both = planned.map(|(inner, shortcut)| inner.working() + shortcut.working());
        both.unwrap_or_default()
    }

    fn holds_layers(&self) -> bool {
        true
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let (inner, shortcut) = self
            .planned
            .get()
            .expect("a layer runs after it was planned");
        let count: usize = inner.layers.iter().map(|layer| layer.params.len()).sum();
        let x = inner.run_inner(scope.name, input.clone(), scope, 0);
        let name = format!("{}.shortcut", scope.name);
        let shortcut = shortcut.run_inner(&name, input, scope, count);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::init::Init;
    use serde_json::json;

    #[test]
    fn the_shortcut_starts_and_normalises_as_the_block_does() {
        let options = json!({"shortcut_norm": true, "layers": [
            {"dense": {"units": 3, "weight_init": "torch_uniform"}}, {"batch_norm": {"epsilon": 0.5}}]});
        let block: Residual = serde_json::from_value(options).expect("options");
        let plan = block.plan(Shape::Flat { features: 2 }).expect("a row");
        let find = |name: &str| plan.params.iter().find(|spec| spec.name == name);
        let weight = find("shortcut.0.weight").expect("a projection");
        assert_eq!(weight.init, Init::TorchUniform);
        assert!(find("shortcut.1.gamma").is_some());
        let (_, shortcut) = block.planned.get().expect("planned");
        assert!(format!("{:?}", shortcut.layers[1]).contains("epsilon: 0.5"));
    }
}
