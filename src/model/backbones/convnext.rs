//! ConvNeXt (Liu and others, 2022, arXiv 2201.03545).

use serde_json::{Value, json};

use super::choice::Choice;
use super::names::{Names, Scheme};
use super::parts::{Net, Part, Stage, classes, mean, residual};

/// Blocks of each stage, and its channels.
const STAGES: [(usize, usize); 4] = [(3, 96), (3, 192), (9, 384), (3, 768)];

/// The smallest.
pub fn convnext_tiny(choice: &Choice) -> Net {
    let (mut stages, mut before) = (Vec::new(), 0);
    let last = STAGES.iter().map(|(depth, _)| depth).sum::<usize>() - 1;
    for ((depth, channels), stage) in STAGES.into_iter().zip(0..) {
        let down = match stage {
            0 => vec![
                conv([channels, 4, 4, 0, 1], named("features.0.0", "stem.0")),
                norm(named("features.0.1", "stem.1")),
            ],
            _ => {
                let names = |place: usize| {
                    let torch = format!("features.{}.{place}", 2 * stage);
                    named(torch, format!("stages.{stage}.downsample.{place}"))
                };
                vec![norm(names(0)), conv([channels, 2, 2, 0, 1], names(1))]
            }
        };
        stages.push(Stage::new(format!("features.{}", 2 * stage), down));
        let blocks = (0..depth).map(|index| {
            let drop_path = choice.drop_path * (before + index) as f64 / last as f64;
            block(channels, stage, index, drop_path)
        });
        let name = format!("features.{}", 2 * stage + 1);
        stages.push(Stage::new(name, blocks.collect()));
        before += depth;
    }
    let pooled = || vec![mean(), norm(named("classifier.0", "head.norm"))];
    let scores = classes(&init(), named("classifier.2", "head.fc"));
    Net {
        stages,
        pool: pooled(),
        classifier: pooled().into_iter().chain([scores]).collect(),
    }
}

fn named(torch: impl Into<String>, timm: impl Into<String>) -> Names {
    Names::default()
        .and(Scheme::Torchvision, torch)
        .and(Scheme::Timm, timm)
}

fn init() -> Value {
    json!({"truncated_normal": {"std": 0.02}})
}

fn norm(names: Names) -> Part {
    Part::named(json!({"layer_norm": {"epsilon": 1e-6}}), names)
}

/// A convolution of these filters, kernel, stride, padding and groups.
fn conv([filters, kernel, stride, padding, groups]: [usize; 5], names: Names) -> Part {
    let layer = json!({"conv2d": {
        "filters": filters, "kernel": kernel, "stride": stride, "padding": padding, "groups": groups,
        "weight_init": init(),
    }});
    Part::named(layer, names)
}

/// A convolution of 7 x 7 over each channel, then two layers over the channels of each pixel.
fn block(channels: usize, stage: usize, index: usize, drop_path: f64) -> Part {
    let names = |place: &str, timm: &str| {
        let torch = format!("features.{}.{index}.{place}", 2 * stage + 1);
        named(torch, format!("stages.{stage}.blocks.{index}.{timm}"))
    };
    let parts = [
        conv([channels, 7, 1, 3, channels], names("block.0", "conv_dw")),
        norm(names("block.2", "norm")),
        conv([4 * channels, 1, 1, 0, 1], names("block.3", "mlp.fc1")),
        Part::plain(json!("gelu")),
        conv([channels, 1, 1, 0, 1], names("block.5", "mlp.fc2")),
        Part::named(
            json!({"layer_scale": {"initial": 1e-6}}),
            names("layer_scale", "gamma"),
        ),
    ];
    residual(&parts, "linear", drop_path, Vec::new())
}
