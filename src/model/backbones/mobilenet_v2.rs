//! MobileNetV2 (Sandler and others, 2018, arXiv 1801.04381).

use serde_json::json;

use super::choice::Choice;
use super::inverted::{Block, Form, inverted, place, timm};
use super::names::{Names, Scheme};
use super::parts::{Conv, Kit, Net, Stage, classes, mean, scaled};
use crate::config::Style;

/// Blocks of a stage: expansion, output channels, how many, stride of the first.
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// Blocks of all stages.
const NUM_BLOCKS: usize = 17;

/// Its stages are the blocks, as torchvision numbers them.
pub fn mobilenet_v2(choice: &Choice) -> Net {
    let same = choice.style == Style::Keras;
    let kit = Kit {
        same,
        init: "he_normal_out",
        momentum: if same { 0.999 } else { 0.9 },
        epsilon: if same { 1e-3 } else { 1e-5 },
        unbiased: !same,
    };
    let form = Form {
        kit,
        activation: "relu6",
        excite: ["", ""],
    };
    let act = Some(form.activation);
    let mut inputs = scaled(32, choice.width);
    let names = outer(0, ["conv_stem", "bn1"], ["Conv1", "bn_Conv1"]);
    let stem = kit.conv_norm(Conv::new(inputs, 3, 2), names, act);
    let mut stages = vec![Stage::new("features.0", stem)];
    for ([expansion, outputs, depth, stride], stage) in STAGES.into_iter().zip(0..) {
        let outputs = scaled(outputs, choice.width);
        for index in 0..depth {
            let number = stages.len();
            let block = Block {
                inputs,
                expanded: inputs * expansion,
                outputs,
                kernel: 3,
                stride: if index == 0 { stride } else { 1 },
                reduced: None,
                drop_path: choice.drop_path * number as f64 / NUM_BLOCKS as f64,
            };
            let names = |module| named(&block, [stage, index, number], module);
            let parts = inverted(&form, &block, &names);
            stages.push(Stage::new(format!("features.{number}"), parts));
            inputs = outputs;
        }
    }
    let names = outer(18, ["conv_head", "bn2"], ["Conv_1", "Conv_1_bn"]);
    let last = Conv::new(scaled(1280, choice.width.max(1.0)), 1, 1);
    stages.push(Stage::new("features.18", kit.conv_norm(last, names, act)));
    let scores = Names::default()
        .and(Scheme::Torchvision, "classifier.1")
        .and(Scheme::Timm, "classifier")
        .and(Scheme::Keras, "predictions");
    let init = json!({"normal": {"std": 0.01}});
    Net {
        stages,
        pool: vec![mean()],
        classifier: vec![mean(), classes(&init, scores)],
    }
}

/// The names of a convolution and its normalisation outside the blocks.
fn outer(place: usize, timm: [&str; 2], keras: [&str; 2]) -> [Names; 2] {
    [0, 1].map(|which| {
        Names::default()
            .and(Scheme::Torchvision, format!("features.{place}.{which}"))
            .and(Scheme::Timm, timm[which])
            .and(Scheme::Keras, keras[which])
    })
}

const KERAS: [&str; 8] = [
    "expand",
    "expand_BN",
    "depthwise",
    "depthwise_BN",
    "",
    "",
    "project",
    "project_BN",
];

/// The names of a module of the block in this stage, at this place in the stage and in the net (counted from 1).
fn named(block: &Block, [stage, index, number]: [usize; 3], module: usize) -> Names {
    let at = place(module, block);
    let part = match module {
        6 => format!("{at}"),
        7 => format!("{}", at + 1),
        other => format!("{at}.{}", other % 2),
    };
    let keras = match number {
        1 => "expanded_conv".to_string(),
        _ => format!("block_{}", number - 1),
    };
    Names::default()
        .and(
            Scheme::Torchvision,
            format!("features.{number}.conv.{part}"),
        )
        .and(
            Scheme::Timm,
            format!("blocks.{stage}.{index}.{}", timm(block)[module]),
        )
        .and(Scheme::Keras, format!("{keras}_{}", KERAS[module]))
}
