//! MobileNetV3 (Howard and others, 2019, arXiv 1905.02244), as torchvision has it.

use serde_json::json;

use super::choice::Choice;
use super::inverted::{Block, Form, inverted, place};
use super::names::{Names, Scheme};
use super::parts::{Conv, Kit, Net, Part, Stage, classes, dense, mean, scaled};

/// A block: kernel, channels between, output channels, stride.
type Row = ([usize; 4], Excite, Act);

/// Whether a block has squeeze-and-excitation.
#[derive(Clone, Copy, PartialEq)]
enum Excite {
    Yes,
    No,
}

/// What follows a block's convolutions.
#[derive(Clone, Copy)]
enum Act {
    Relu,
    Swish,
}

use Act::{Relu, Swish};
use Excite::{No, Yes};

const LARGE: [Row; 15] = [
    ([3, 16, 16, 1], No, Relu),
    ([3, 64, 24, 2], No, Relu),
    ([3, 72, 24, 1], No, Relu),
    ([5, 72, 40, 2], Yes, Relu),
    ([5, 120, 40, 1], Yes, Relu),
    ([5, 120, 40, 1], Yes, Relu),
    ([3, 240, 80, 2], No, Swish),
    ([3, 200, 80, 1], No, Swish),
    ([3, 184, 80, 1], No, Swish),
    ([3, 184, 80, 1], No, Swish),
    ([3, 480, 112, 1], Yes, Swish),
    ([3, 672, 112, 1], Yes, Swish),
    ([5, 672, 160, 2], Yes, Swish),
    ([5, 960, 160, 1], Yes, Swish),
    ([5, 960, 160, 1], Yes, Swish),
];

const SMALL: [Row; 11] = [
    ([3, 16, 16, 2], Yes, Relu),
    ([3, 72, 24, 2], No, Relu),
    ([3, 88, 24, 1], No, Relu),
    ([5, 96, 40, 2], Yes, Swish),
    ([5, 240, 40, 1], Yes, Swish),
    ([5, 240, 40, 1], Yes, Swish),
    ([5, 120, 48, 1], Yes, Swish),
    ([5, 144, 48, 1], Yes, Swish),
    ([5, 288, 96, 2], Yes, Swish),
    ([5, 576, 96, 1], Yes, Swish),
    ([5, 576, 96, 1], Yes, Swish),
];

/// The large one.
pub fn mobilenet_v3_large(choice: &Choice) -> Net {
    net(choice, &LARGE, 1280)
}

/// The small one.
pub fn mobilenet_v3_small(choice: &Choice) -> Net {
    net(choice, &SMALL, 1024)
}

/// `hidden`: units of the classifier's first layer. The stages are the blocks, as torchvision numbers them.
fn net(choice: &Choice, rows: &[Row], hidden: usize) -> Net {
    let kit = Kit {
        same: false,
        init: "he_normal_out",
        momentum: 0.99,
        epsilon: 1e-3,
        unbiased: true,
    };
    let swish = Some("hard_silu");
    let outer = |place: usize| {
        [0, 1].map(|which| {
            Names::default().and(Scheme::Torchvision, format!("features.{place}.{which}"))
        })
    };
    let mut inputs = scaled(16, choice.width);
    let stem = kit.conv_norm(Conv::new(inputs, 3, 2), outer(0), swish);
    let mut stages = vec![Stage::new("features.0", stem)];
    for (([kernel, between, outputs, stride], excite, act), number) in rows.iter().copied().zip(1..)
    {
        let expanded = scaled(between, choice.width);
        let block = Block {
            inputs,
            expanded,
            outputs: scaled(outputs, choice.width),
            kernel,
            stride,
            reduced: (excite == Yes).then(|| scaled(expanded / 4, 1.0)),
            drop_path: choice.drop_path * number as f64 / rows.len() as f64,
        };
        let form = Form {
            kit,
            activation: match act {
                Relu => "relu",
                Swish => "hard_silu",
            },
            excite: ["relu", "hard_sigmoid"],
        };
        let names = |module| named(&block, number, module);
        let parts = inverted(&form, &block, &names);
        stages.push(Stage::new(format!("features.{number}"), parts));
        inputs = block.outputs;
    }
    let place = rows.len() + 1;
    let last = kit.conv_norm(Conv::new(6 * inputs, 1, 1), outer(place), swish);
    stages.push(Stage::new(format!("features.{place}"), last));
    let init = json!({"normal": {"std": 0.01}});
    let torch = |name: &str| Names::default().and(Scheme::Torchvision, name);
    Net {
        stages,
        pool: vec![mean()],
        classifier: vec![
            mean(),
            dense(scaled(hidden, choice.width), &init, torch("classifier.0")),
            Part::plain(json!("hard_silu")),
            classes(&init, torch("classifier.3")),
        ],
    }
}

fn named(block: &Block, number: usize, module: usize) -> Names {
    let part = match module {
        4 => "fc1".to_string(),
        5 => "fc2".to_string(),
        other => (other % 2).to_string(),
    };
    let name = format!("features.{number}.block.{}.{part}", place(module, block));
    Names::default().and(Scheme::Torchvision, name)
}
