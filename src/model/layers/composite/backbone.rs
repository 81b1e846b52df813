//! A published net for images as one layer.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::backbone_training::BackboneTraining;
use crate::config::{Path, Style};
use crate::data::{Shape, Value};
use crate::model::backbones::{BACKBONES, Choice, Chosen, Output, find_backbone};
use crate::model::graph::{
    Chain, Forward, Layer, LayerReader, Mismatch, Planned, PlannedLayer, Scope, image_dims,
};

/// A published net for images, most of all with weights that others have trained on ImageNet; the layers behind it are
/// trained for the task at hand. `kiln guide backbones` lists them.
///
/// # Shapes
/// Input `[batch, height, width, channels]`; output `[batch, features]`, or `[batch, height', width', channels']` with
/// `output = "features"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Backbone {
    /// Which.
    #[schemars(schema_with = "names")]
    name: String,
    /// The file of its trained weights: a path, or the name of a file that `kiln weights` lists. Without it the net starts
    /// untrained.
    weights: Option<String>,
    /// What it gives: "pooled", a row of features; "features", the last image; "logits", the scores of ImageNet's 1000
    /// classes.
    #[serde(default)]
    output: Output,
    /// What the numbers of channels are multiplied by (1), to the nearest multiple of 8. Not of every backbone.
    #[schemars(range(min = 0.01, max = 8))]
    width: Option<f64>,
    /// Whose padding, epsilon and places of strides: those of the library that the weights were trained with, "torch" or
    /// "keras". The default is the backbone's.
    style: Option<Style>,
    /// The share of samples that skip the last residual block in training (stochastic depth); it grows from 0 at the first
    /// block.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    drop_path: f64,
    /// How it is trained.
    #[serde(flatten)]
    #[schemars(flatten)]
    training: BackboneTraining,
}

fn names(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let names: Vec<&str> = BACKBONES.iter().map(|backbone| backbone.name).collect();
    schemars::json_schema!({"description": "Which.", "type": "string", "enum": json!(names)})
}

/// A backbone for one shape of its input.
#[derive(Debug)]
struct PlannedBackbone {
    /// Its layers are called by their numbers.
    chain: Chain,
    chosen: Chosen,
}

impl Backbone {
    /// What the experiment chooses, checked.
    fn chosen(&self) -> Result<Chosen, Mismatch> {
        let Some(backbone) = find_backbone(&self.name) else {
            return Err(Mismatch::of(
                "name",
                format!("is `{}`, which is no backbone", self.name),
            ));
        };
        if self.width.is_some() && !backbone.has_width {
            let message = format!("is not an option of {}", self.name);
            return Err(Mismatch::of("width", message).hint("leave it out"));
        }
        let style = self.style.unwrap_or(backbone.styles[0]);
        if !backbone.styles.contains(&style) {
            let message = format!("is one that {} does not have", self.name);
            return Err(Mismatch::of("style", message).hint("leave it out"));
        }
        let choice = Choice {
            width: self.width.unwrap_or(1.0),
            style,
            output: self.output,
            drop_path: self.drop_path,
        };
        let weights = self.weights.clone();
        Ok(Chosen {
            backbone,
            choice,
            weights,
        })
    }
}

impl Layer for Backbone {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (height, width, _) = image_dims(input)?;
        let chosen = self.chosen()?;
        let least = chosen.backbone.least;
        if height.min(width) < least {
            let name = &self.name;
            let message = format!(
                "{name} takes images of at least {least} x {least} pixels, gets {height} x {width}"
            );
            return Err(Mismatch::new(message).hint("use larger images (data.size)"));
        }
        let layers = self.training.apply(chosen.layers(), &chosen.stages())?;
        let layers = reader.read_list(&layers, &Path::default());
        let layers = layers.map_err(|faults| Mismatch { faults })?;
        // The experiment describes one layer: what does not fit is said of that one.
        let chain = Chain::plan_within(&layers, input, "", reader).map_err(|misfit| {
            let faults = misfit.mismatch.faults.into_iter();
            let words: Vec<String> = faults.map(|fault| fault.message).collect();
            Mismatch::new(format!("does not fit {input}: {}", words.join("; ")))
        })?;
        let (output, cost, working) = (chain.output(), chain.multiply_adds(), chain.working());
        Ok(Planned::new(PlannedBackbone { chain, chosen }, output)
            .multiply_adds(cost)
            .working(working))
    }
}

impl Forward for PlannedBackbone {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        self.chain.run_within(scope, 0, input)
    }

    fn children(&self) -> Vec<&PlannedLayer> {
        self.chain.layers.iter().collect()
    }

    fn backbone(&self) -> Option<&Chosen> {
        Some(&self.chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layers::LAYERS;
    use crate::model::tuning::Tuning;

    fn plan(options: serde_json::Value, size: usize) -> Result<PlannedLayer, String> {
        let backbone: Backbone = serde_json::from_value(options).expect("options");
        let input = Shape::Image {
            height: size,
            width: size,
            channels: 3,
        };
        let planned = backbone.plan(input, LayerReader::new(LAYERS));
        let planned = planned
            .and_then(|planned| planned.named("model.0", "backbone", input, Tuning::default()));
        planned.map_err(|mismatch| mismatch.faults[0].message.clone())
    }

    /// Parameters, multiply-adds and features as torchvision documents them (of `efficientnet_lite0`: TensorFlow).
    #[test]
    fn every_backbone_has_the_size_that_its_authors_state() {
        for (name, millions, giga, features) in [
            ("resnet18", 11.69, 1.81, 512),
            ("resnet34", 21.80, 3.66, 512),
            ("resnet50", 25.56, 4.09, 2048),
            ("mobilenet_v2", 3.50, 0.30, 1280),
            ("mobilenet_v3_small", 2.54, 0.06, 576),
            ("mobilenet_v3_large", 5.48, 0.22, 960),
            ("efficientnet_b0", 5.29, 0.39, 1280),
            ("efficientnet_lite0", 4.65, 0.40, 1280),
            ("convnext_tiny", 28.59, 4.46, 768),
            ("vgg16", 138.36, 15.47, 512),
        ] {
            let layer = plan(json!({"name": name, "output": "logits"}), 224).expect(name);
            let trainable = layer.params.iter().filter(|spec| spec.trainable);
            let params: usize = trainable.map(|spec| spec.num_elements()).sum();
            let params = params as f64 / 1e6;
            assert!((params - millions).abs() < 0.006, "{name}: {params}");
            let cost = layer.multiply_adds as f64 / 1e9;
            assert!((cost / giga - 1.0).abs() < 0.04, "{name}: {cost}");
            let pooled = plan(json!({"name": name}), 224).expect(name);
            assert_eq!(pooled.output, Shape::Flat { features }, "{name}");
        }
    }

    /// Every stage has layers, and all layers but the pool are in a stage.
    #[test]
    fn the_stages_are_all_of_its_layers() {
        for backbone in BACKBONES {
            let options = json!({"name": backbone.name, "output": "features"});
            let layer = plan(options, 64).expect(backbone.name);
            let chosen = layer.forward.backbone().expect("a backbone");
            let mut end = 0;
            for (name, layers) in chosen.stages() {
                assert_eq!(layers.start, end, "{}: {name}", backbone.name);
                assert!(!layers.is_empty(), "{}: {name}", backbone.name);
                end = layers.end;
            }
            assert_eq!(end, layer.children().len(), "{}", backbone.name);
        }
    }

    #[test]
    fn says_what_the_least_size_is_and_takes_it() {
        for backbone in BACKBONES {
            let options = || json!({"name": backbone.name});
            plan(options(), backbone.least).unwrap_or_else(|e| panic!("{}: {e}", backbone.name));
            if backbone.least > 1 {
                let error = plan(options(), backbone.least - 1).expect_err("too small");
                assert!(error.contains("images of at least"), "{error}");
            }
        }
    }

    #[test]
    fn refuses_options_that_it_does_not_have() {
        let error = plan(json!({"name": "resnet18", "width": 0.5}), 64).expect_err("no width");
        assert_eq!(error, "is not an option of resnet18");
        assert!(plan(json!({"name": "resnet18", "style": "keras"}), 64).is_err());
        let narrow = json!({"name": "efficientnet_lite0", "width": 0.5, "output": "features"});
        let narrow = plan(narrow, 64).expect("a net of half the width");
        assert!(narrow.params.len() > 100);
    }
}
