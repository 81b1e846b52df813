//! The pieces that backbones are put together from: layers as an experiment would describe them, each with the names
//! of its module in files of weights.

use std::ops::Range;

use serde_json::{Value, json};

use super::names::Names;
use crate::config::Spec;

/// A layer, and the names of the modules with parameters within it, in the order of their parameters.
#[derive(Clone, Debug)]
pub struct Part {
    /// As in an experiment.
    pub layer: Value,
    /// Of each module.
    pub names: Vec<Names>,
}

impl Part {
    /// A layer without parameters.
    pub fn plain(layer: Value) -> Part {
        let names = Vec::new();
        Part { layer, names }
    }

    /// A layer that is one module.
    pub fn named(layer: Value, names: Names) -> Part {
        let names = vec![names];
        Part { layer, names }
    }
}

/// Layers of a backbone that are frozen and thawed together.
#[derive(Clone, Debug)]
pub struct Stage {
    /// As its users know it.
    pub name: String,
    /// From the input to the output.
    pub parts: Vec<Part>,
}

impl Stage {
    /// A stage of these parts.
    pub fn new(name: impl Into<String>, parts: Vec<Part>) -> Stage {
        let name = name.into();
        Stage { name, parts }
    }
}

/// A whole net.
#[derive(Clone, Debug)]
pub struct Net {
    /// From the input to the last image.
    pub stages: Vec<Stage>,
    /// From the last image to a row of features.
    pub pool: Vec<Part>,
    /// From the last image to the scores of 1000 classes.
    pub classifier: Vec<Part>,
}

impl Net {
    /// The number of layers of each stage among those of the net, by the stage's name.
    pub fn ranges(&self) -> Vec<(String, Range<usize>)> {
        let mut begin = 0;
        let stages = self.stages.iter().map(|stage| {
            let range = begin..begin + stage.parts.len();
            begin = range.end;
            (stage.name.clone(), range)
        });
        stages.collect()
    }
}

/// The layers of parts as an experiment would describe them.
pub fn specs<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<Spec> {
    let specs = parts.map(|part| serde_json::from_value(part.layer.clone()));
    specs
        .map(|spec| spec.expect("a table of one key"))
        .collect()
}

/// The same for every convolution of a net.
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    /// Whether strides pad as TensorFlow's "same" and not alike on both sides.
    pub same: bool,
    /// How convolutions start.
    pub init: &'static str,
    /// The share of the running averages that a step keeps.
    pub momentum: f64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the running variance is that of `sum / (n - 1)`.
    pub unbiased: bool,
}

/// The geometry of a convolution without a bias.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    /// Output channels.
    pub filters: usize,
    /// Height and width of the window.
    pub kernel: usize,
    /// Steps between windows.
    pub stride: usize,
    /// Groups of channels.
    pub groups: usize,
}

impl Conv {
    /// A convolution over all channels.
    pub fn new(filters: usize, kernel: usize, stride: usize) -> Conv {
        let groups = 1;
        Conv {
            filters,
            kernel,
            stride,
            groups,
        }
    }

    /// A convolution of each of `channels` by itself.
    pub fn depthwise(channels: usize, kernel: usize, stride: usize) -> Conv {
        let groups = channels;
        Conv {
            groups,
            ..Conv::new(channels, kernel, stride)
        }
    }
}

impl Kit {
    /// A convolution that gives `ceil(size / stride)` outputs.
    pub fn conv(&self, conv: Conv, names: Names) -> Part {
        let padding = match self.same {
            true => json!("same"),
            false => json!((conv.kernel - 1) / 2),
        };
        let layer = json!({"conv2d": {
            "filters": conv.filters, "kernel": conv.kernel, "stride": conv.stride, "padding": padding,
            "groups": conv.groups, "bias": false, "weight_init": self.init,
        }});
        Part::named(layer, names)
    }

    /// A batch normalisation.
    pub fn norm(&self, names: Names) -> Part {
        let layer = json!({"batch_norm": {
            "momentum": self.momentum, "epsilon": self.epsilon, "unbiased": self.unbiased,
        }});
        Part::named(layer, names)
    }

    /// A convolution and a batch normalisation, and an activation where one is named.
    pub fn conv_norm(&self, conv: Conv, names: [Names; 2], activation: Option<&str>) -> Vec<Part> {
        let [of_conv, of_norm] = names;
        let mut parts = vec![self.conv(conv, of_conv), self.norm(of_norm)];
        parts.extend(activation.map(|name| Part::plain(json!(name))));
        parts
    }
}

/// A residual block; `shortcut` are the names of its projection's modules, if it has one.
pub fn residual(parts: &[Part], activation: &str, drop_path: f64, shortcut: Vec<Names>) -> Part {
    let layers: Vec<&Value> = parts.iter().map(|part| &part.layer).collect();
    let layer = json!({"residual": {
        "layers": layers, "activation": activation, "shortcut_norm": true, "drop_path": drop_path,
    }});
    let names = parts.iter().flat_map(|part| part.names.clone());
    let names = names.chain(shortcut).collect();
    Part { layer, names }
}

/// The mean over all pixels.
pub fn mean() -> Part {
    Part::plain(json!("global_avg_pool"))
}

/// The last layer of a classifier of ImageNet's classes.
pub fn classes(init: &Value, names: Names) -> Part {
    dense(1000, init, names)
}

/// A fully connected layer whose weights start so; biases start as zeros, but of PyTorch's default as its weights.
pub fn dense(units: usize, init: &Value, names: Names) -> Part {
    let bias = if init == "torch_uniform" {
        "torch_uniform"
    } else {
        "zeros"
    };
    let layer = json!({"dense": {"units": units, "weight_init": init, "bias_init": bias}});
    Part::named(layer, names)
}

/// The multiple of 8 that is nearest to `channels * width`, but not less than nine tenths of it.
pub fn scaled(channels: usize, width: f64) -> usize {
    let wanted = channels as f64 * width;
    let nearest = (((wanted + 4.0) / 8.0) as usize * 8).max(8);
    match (nearest as f64) < 0.9 * wanted {
        true => nearest + 8,
        false => nearest,
    }
}
