//! Residual nets (He and others, 2015, arXiv 1512.03385), with the stride of a bottleneck in its 3 x 3 convolution, as
//! torchvision has it; Keras has it in the first 1 x 1.

use serde_json::json;

use super::choice::Choice;
use super::names::{Names, Scheme};
use super::parts::{Conv, Kit, Net, Part, Stage, classes, mean, residual};
use crate::config::Style;

/// 18 layers.
pub fn resnet18(choice: &Choice) -> Net {
    net(choice, [2, 2, 2, 2], basic)
}

/// 34 layers.
pub fn resnet34(choice: &Choice) -> Net {
    net(choice, [3, 4, 6, 3], basic)
}

/// 50 layers.
pub fn resnet50(choice: &Choice) -> Net {
    net(choice, [3, 4, 6, 3], bottleneck)
}

/// A block in its place.
struct Place {
    /// Counted from 1.
    stage: usize,
    /// Within the stage.
    index: usize,
    /// Whether the shortcut is a projection.
    projects: bool,
    style: Style,
    drop_path: f64,
}

impl Place {
    /// 2 at the beginning of every stage but the first.
    fn stride(&self) -> usize {
        if self.stage > 1 && self.index == 0 {
            2
        } else {
            1
        }
    }

    /// Channels of the stage's 3 x 3 convolutions.
    fn channels(&self) -> usize {
        32 << self.stage
    }

    /// Convolution `number`, counted from 1, and its normalisation.
    fn names(&self, number: usize) -> [Names; 2] {
        let (stage, index) = (self.stage, self.index);
        let keras = |part: &str| format!("conv{}_block{}_{number}_{part}", stage + 1, index + 1);
        pair(|part| {
            Names::torch(format!("layer{stage}.{index}.{part}{number}"))
                .and(Scheme::Keras, keras(part))
        })
    }

    fn shortcut(&self) -> Vec<Names> {
        let (stage, index) = (self.stage, self.index);
        let names = pair(|part| {
            let number = usize::from(part == "bn");
            let keras = format!("conv{}_block{}_0_{part}", stage + 1, index + 1);
            Names::torch(format!("layer{stage}.{index}.downsample.{number}"))
                .and(Scheme::Keras, keras)
                .before_last()
        });
        names.into_iter().filter(|_| self.projects).collect()
    }
}

/// The names of a convolution and its normalisation, which Keras calls "conv" and "bn".
fn pair(names: impl Fn(&str) -> Names) -> [Names; 2] {
    [names("conv"), names("bn").behind_bias()]
}

/// Two convolutions of 3 x 3.
fn basic(kit: &Kit, place: &Place) -> (Part, usize) {
    let channels = place.channels();
    let first = Conv::new(channels, 3, place.stride());
    let mut parts = kit.conv_norm(first, place.names(1), Some("relu"));
    parts.extend(kit.conv_norm(Conv::new(channels, 3, 1), place.names(2), None));
    let block = residual(&parts, "relu", place.drop_path, place.shortcut());
    (block, channels)
}

/// A convolution of 3 x 3 between two of 1 x 1, of which the last has four times the channels.
fn bottleneck(kit: &Kit, place: &Place) -> (Part, usize) {
    let channels = place.channels();
    let strides = match place.style {
        Style::Torch => [1, place.stride()],
        Style::Keras => [place.stride(), 1],
    };
    let convs = [
        Conv::new(channels, 1, strides[0]),
        Conv::new(channels, 3, strides[1]),
        Conv::new(4 * channels, 1, 1),
    ];
    let mut parts = Vec::new();
    for (conv, number) in convs.into_iter().zip(1..) {
        let activation = Some("relu").filter(|_| number < 3);
        parts.extend(kit.conv_norm(conv, place.names(number), activation));
    }
    let block = residual(&parts, "relu", place.drop_path, place.shortcut());
    (block, 4 * channels)
}

/// A block, and the channels that it gives.
type Block = fn(&Kit, &Place) -> (Part, usize);

fn net(choice: &Choice, depths: [usize; 4], block: Block) -> Net {
    let keras = choice.style == Style::Keras;
    let kit = Kit {
        same: false,
        init: "he_normal_out",
        momentum: if keras { 0.99 } else { 0.9 },
        epsilon: if keras { 1.001e-5 } else { 1e-5 },
        unbiased: !keras,
    };
    let names =
        pair(|part| Names::torch(format!("{part}1")).and(Scheme::Keras, format!("conv1_{part}")));
    let mut stem = kit.conv_norm(Conv::new(64, 7, 2), names, Some("relu"));
    stem.push(Part::plain(
        json!({"max_pool2d": {"size": 3, "stride": 2, "padding": 1}}),
    ));
    let mut stages = vec![Stage::new("stem", stem)];
    let (mut channels, mut before) = (64, 0);
    let last = depths.iter().sum::<usize>() - 1;
    for (depth, stage) in depths.into_iter().zip(1..) {
        let mut parts = Vec::new();
        for index in 0..depth {
            let mut place = Place {
                stage,
                index,
                projects: false,
                style: choice.style,
                drop_path: choice.drop_path * before as f64 / last as f64,
            };
            let (_, gives) = block(&kit, &place);
            place.projects = place.stride() != 1 || gives != channels;
            parts.push(block(&kit, &place).0);
            (channels, before) = (gives, before + 1);
        }
        stages.push(Stage::new(format!("layer{stage}"), parts));
    }
    let last = Names::torch("fc").and(Scheme::Keras, "predictions");
    Net {
        stages,
        pool: vec![mean()],
        classifier: vec![mean(), classes(&json!("torch_uniform"), last)],
    }
}
