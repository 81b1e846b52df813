//! EfficientNet (Tan and Le, 2019, arXiv 1905.11946), and its Lite form without squeeze-and-excitation and with ReLU6
//! (TensorFlow's `efficientnet/lite`).

use serde_json::json;

use super::choice::Choice;
use super::names::{Names, Scheme};
use super::parts::{Conv, Kit, Net, Part, Stage, classes, mean, residual, scaled};
use crate::config::Style;

/// Blocks of a stage: how many, kernel, stride of the first, expansion, output channels.
const STAGES: [[usize; 5]; 7] = [
    [1, 3, 1, 1, 16],
    [2, 3, 2, 6, 24],
    [2, 5, 2, 6, 40],
    [3, 3, 2, 6, 80],
    [3, 5, 1, 6, 112],
    [4, 5, 2, 6, 192],
    [1, 3, 1, 6, 320],
];

/// Lite 0. Stem and last convolution keep their channels whatever the width.
pub fn efficientnet_lite0(choice: &Choice) -> Net {
    let same = choice.style == Style::Keras;
    let kit = Kit {
        same,
        init: "torch_uniform",
        momentum: 0.99,
        epsilon: if same { 1e-3 } else { 1e-5 },
        // Its weights are PyTorch's also where its padding is TensorFlow's.
        unbiased: true,
    };
    let form = Form {
        kit,
        activation: "relu6",
        squeezes: false,
        choice,
    };
    form.net([32, 1280], &json!("torch_uniform"))
}

/// What the forms of EfficientNet differ in.
struct Form<'a> {
    kit: Kit,
    activation: &'static str,
    squeezes: bool,
    choice: &'a Choice,
}

/// A block in its place.
struct Place {
    /// Counted from 1.
    stage: usize,
    /// Within the stage.
    index: usize,
    /// Within the net.
    number: usize,
}

/// The modules of a block.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Expand,
    Depthwise,
    Project,
}

impl Place {
    fn names(&self, role: Role, form: &Form<'_>) -> [Names; 2] {
        [self.module(role, form, 0), self.module(role, form, 1)]
    }

    /// The convolution (0) or the normalisation (1) of a role.
    fn module(&self, role: Role, form: &Form<'_>, which: usize) -> Names {
        let (stage, index) = (self.stage, self.index);
        let expands = self.stage > 1;
        let before = usize::from(expands) + usize::from(form.squeezes);
        let (place, timm, pytorch, keras) = match role {
            Role::Expand => (
                0,
                ["conv_pw", "bn1"],
                ["_expand_conv", "_bn0"],
                ["expand_conv", "expand_bn"],
            ),
            Role::Depthwise => (
                usize::from(expands),
                ["conv_dw", if expands { "bn2" } else { "bn1" }],
                ["_depthwise_conv", "_bn1"],
                ["dwconv", "bn"],
            ),
            Role::Project => (
                before + 1,
                if expands {
                    ["conv_pwl", "bn3"]
                } else {
                    ["conv_pw", "bn2"]
                },
                ["_project_conv", "_bn2"],
                ["project_conv", "project_bn"],
            ),
        };
        let letter = char::from(b'a' + index as u8);
        Names::default()
            .and(
                Scheme::Torchvision,
                format!("features.{stage}.{index}.block.{place}.{which}"),
            )
            .and(
                Scheme::Timm,
                format!("blocks.{}.{index}.{}", stage - 1, timm[which]),
            )
            .and(
                Scheme::EfficientNetPytorch,
                format!("_blocks.{}.{}", self.number, pytorch[which]),
            )
            .and(
                Scheme::Keras,
                format!("block{stage}{letter}_{}", keras[which]),
            )
    }
}

/// The names of a convolution and its normalisation outside the blocks.
fn outer(stage: usize, timm: [&str; 2], pytorch: [&str; 2], keras: [&str; 2]) -> [Names; 2] {
    [0, 1].map(|which| {
        Names::default()
            .and(Scheme::Torchvision, format!("features.{stage}.{which}"))
            .and(Scheme::Timm, timm[which])
            .and(Scheme::EfficientNetPytorch, pytorch[which])
            .and(Scheme::Keras, keras[which])
    })
}

impl Form<'_> {
    /// `ends`: channels of the stem and of the last convolution.
    fn net(&self, ends: [usize; 2], init: &serde_json::Value) -> Net {
        let act = Some(self.activation);
        let names = outer(
            0,
            ["conv_stem", "bn1"],
            ["_conv_stem", "_bn0"],
            ["stem_conv", "stem_bn"],
        );
        let stem = self.kit.conv_norm(Conv::new(ends[0], 3, 2), names, act);
        let mut stages = vec![Stage::new("features.0", stem)];
        let (mut channels, mut number) = (ends[0], 0);
        for ([depth, kernel, stride, expansion, outputs], stage) in STAGES.into_iter().zip(1..) {
            let outputs = scaled(outputs, self.choice.width);
            let mut parts = Vec::new();
            for index in 0..depth {
                let stride = if index == 0 { stride } else { 1 };
                let convs = [
                    Conv::new(channels * expansion, 1, 1),
                    Conv::depthwise(channels * expansion, kernel, stride),
                    Conv::new(outputs, 1, 1),
                ];
                parts.extend(self.block(
                    &Place {
                        stage,
                        index,
                        number,
                    },
                    channels,
                    convs,
                ));
                (channels, number) = (outputs, number + 1);
            }
            stages.push(Stage::new(format!("features.{stage}"), parts));
        }
        let names = outer(
            8,
            ["conv_head", "bn2"],
            ["_conv_head", "_bn1"],
            ["top_conv", "top_bn"],
        );
        let top = self.kit.conv_norm(Conv::new(ends[1], 1, 1), names, act);
        stages.push(Stage::new("features.8", top));
        let last = Names::default()
            .and(Scheme::Torchvision, "classifier.1")
            .and(Scheme::Timm, "classifier")
            .and(Scheme::EfficientNetPytorch, "_fc")
            .and(Scheme::Keras, "predictions");
        Net {
            stages,
            pool: vec![mean()],
            classifier: vec![mean(), classes(init, last)],
        }
    }

    /// A block of `channels` inputs; its convolutions are to expand, over each channel, and to project.
    fn block(&self, place: &Place, channels: usize, convs: [Conv; 3]) -> Vec<Part> {
        let act = Some(self.activation);
        let [expand, depthwise, project] = convs;
        let mut parts = Vec::new();
        if place.stage > 1 {
            parts.extend(
                self.kit
                    .conv_norm(expand, place.names(Role::Expand, self), act),
            );
        }
        parts.extend(
            self.kit
                .conv_norm(depthwise, place.names(Role::Depthwise, self), act),
        );
        parts.extend(
            self.kit
                .conv_norm(project, place.names(Role::Project, self), None),
        );
        if depthwise.stride != 1 || channels != project.filters {
            return parts;
        }
        let drop_path = self.choice.drop_path * place.number as f64 / NUM_BLOCKS as f64;
        vec![residual(&parts, "linear", drop_path, Vec::new())]
    }
}

/// Blocks of the net.
const NUM_BLOCKS: usize = 16;
