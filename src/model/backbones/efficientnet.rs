//! EfficientNet (Tan and Le, 2019, arXiv 1905.11946), and its Lite form without squeeze-and-excitation and with ReLU6
//! (TensorFlow's `efficientnet/lite`).

use serde_json::{Value, json};

use super::choice::Choice;
use super::inverted::{Block, Form, inverted, place, timm};
use super::names::{Names, Scheme};
use super::parts::{Conv, Kit, Net, Stage, classes, mean, scaled};
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

/// Blocks of all stages.
const NUM_BLOCKS: usize = 16;

/// B0.
pub fn efficientnet_b0(choice: &Choice) -> Net {
    let same = choice.style == Style::Keras;
    let kit = Kit {
        same,
        init: "he_normal_out",
        momentum: if same { 0.99 } else { 0.9 },
        epsilon: if same { 1e-3 } else { 1e-5 },
        unbiased: !same,
    };
    let form = Form {
        kit,
        activation: "silu",
        excite: ["silu", "sigmoid"],
    };
    let last = match same {
        true => scaled(1280, choice.width),
        false => 4 * scaled(320, choice.width),
    };
    let ends = [scaled(32, choice.width), last];
    let limit = (1000f64).sqrt().recip();
    let init = json!({"uniform": {"min": -limit, "max": limit}});
    net(choice, &form, ends, true, &init)
}

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
        excite: ["", ""],
    };
    net(choice, &form, [32, 1280], false, &json!("torch_uniform"))
}

/// `ends`: channels of the stem and of the last convolution.
fn net(choice: &Choice, form: &Form, ends: [usize; 2], squeezes: bool, init: &Value) -> Net {
    let act = Some(form.activation);
    let names = outer(0, ["conv_stem", "bn1"], ["_conv_stem", "_bn0"], "stem");
    let stem = form.kit.conv_norm(Conv::new(ends[0], 3, 2), names, act);
    let mut stages = vec![Stage::new("features.0", stem)];
    let (mut inputs, mut number) = (ends[0], 0);
    for ([depth, kernel, stride, expansion, outputs], stage) in STAGES.into_iter().zip(1..) {
        let outputs = scaled(outputs, choice.width);
        let mut parts = Vec::new();
        for index in 0..depth {
            let block = Block {
                inputs,
                expanded: inputs * expansion,
                outputs,
                kernel,
                stride: if index == 0 { stride } else { 1 },
                reduced: squeezes.then_some((inputs / 4).max(1)),
                drop_path: choice.drop_path * number as f64 / NUM_BLOCKS as f64,
            };
            let names = |module| named(&block, [stage, index, number], module);
            parts.extend(inverted(form, &block, &names));
            (inputs, number) = (outputs, number + 1);
        }
        stages.push(Stage::new(format!("features.{stage}"), parts));
    }
    let names = outer(8, ["conv_head", "bn2"], ["_conv_head", "_bn1"], "top");
    let top = form.kit.conv_norm(Conv::new(ends[1], 1, 1), names, act);
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

/// The names of a convolution and its normalisation outside the blocks.
fn outer(stage: usize, timm: [&str; 2], pytorch: [&str; 2], keras: &str) -> [Names; 2] {
    [0, 1].map(|which| {
        Names::default()
            .and(Scheme::Torchvision, format!("features.{stage}.{which}"))
            .and(Scheme::Timm, timm[which])
            .and(Scheme::EfficientNetPytorch, pytorch[which])
            .and(Scheme::Keras, format!("{keras}_{}", ["conv", "bn"][which]))
    })
}

const PYTORCH: [&str; 8] = [
    "_expand_conv",
    "_bn0",
    "_depthwise_conv",
    "_bn1",
    "_se_reduce",
    "_se_expand",
    "_project_conv",
    "_bn2",
];
const KERAS: [&str; 8] = [
    "expand_conv",
    "expand_bn",
    "dwconv",
    "bn",
    "se_reduce",
    "se_expand",
    "project_conv",
    "project_bn",
];

/// The names of a module of the block in this stage (counted from 1), at this place in the stage and in the net.
fn named(block: &Block, [stage, index, number]: [usize; 3], module: usize) -> Names {
    let part = match module {
        4 => "fc1".to_string(),
        5 => "fc2".to_string(),
        other => (other % 2).to_string(),
    };
    let torch = format!(
        "features.{stage}.{index}.block.{}.{part}",
        place(module, block)
    );
    let letter = char::from(b'a' + index as u8);
    Names::default()
        .and(Scheme::Torchvision, torch)
        .and(
            Scheme::Timm,
            format!("blocks.{}.{index}.{}", stage - 1, timm(block)[module]),
        )
        .and(
            Scheme::EfficientNetPytorch,
            format!("_blocks.{number}.{}", PYTORCH[module]),
        )
        .and(
            Scheme::Keras,
            format!("block{stage}{letter}_{}", KERAS[module]),
        )
}
