//! Backbones: published nets for images, each a list of layers as an experiment would describe them, with the names of
//! their stages and of their weights in the files of other libraries. The layer `backbone` plans them.
//!
//! Adding a backbone: one function that gives its [`Net`], and one line in [`BACKBONES`].

mod choice;
mod convnext;
mod detect;
mod differences;
mod efficientnet;
mod inverted;
mod layout;
mod load;
mod mapping;
mod mobilenet_v2;
mod mobilenet_v3;
mod named;
mod names;
mod parts;
mod resnet;
mod vgg;

use std::ops::Range;

use crate::config::{Spec, Style};

pub use choice::{Choice, Output};
pub use load::{LoadedWeights, SourceTensor, TensorSource, check_weights, load_weights};
pub use mapping::{Mapped, Transform, mapping};
pub use named::{bare_name, drop_weights_folders, visit_weights};
pub use names::{Names, Scheme};
use parts::{Net, Part};

/// A published net.
#[derive(Clone, Copy)]
pub struct Backbone {
    /// The name in the experiment.
    pub name: &'static str,
    /// The styles there are weights for; the first is the default.
    pub styles: &'static [Style],
    /// Whether the numbers of channels can be scaled.
    pub has_width: bool,
    /// The least height and width of images.
    pub least: usize,
    /// Its layers.
    net: fn(&Choice) -> Net,
}

const BOTH: &[Style] = &[Style::Torch, Style::Keras];
const TORCH: &[Style] = &[Style::Torch];
const KERAS_FIRST: &[Style] = &[Style::Keras, Style::Torch];

macro_rules! backbones {
    ($($name:literal => $net:path, $styles:expr, width: $width:literal, least: $least:literal;)*) => {
        &[$(Backbone { name: $name, styles: $styles, has_width: $width, least: $least, net: $net }),*]
    };
}

/// Every backbone.
pub const BACKBONES: &[Backbone] = backbones![
    "resnet18" => resnet::resnet18, TORCH, width: false, least: 1;
    "resnet34" => resnet::resnet34, TORCH, width: false, least: 1;
    "resnet50" => resnet::resnet50, BOTH, width: false, least: 1;
    "mobilenet_v2" => mobilenet_v2::mobilenet_v2, BOTH, width: true, least: 1;
    "mobilenet_v3_small" => mobilenet_v3::mobilenet_v3_small, TORCH, width: true, least: 1;
    "mobilenet_v3_large" => mobilenet_v3::mobilenet_v3_large, TORCH, width: true, least: 1;
    "efficientnet_b0" => efficientnet::efficientnet_b0, BOTH, width: true, least: 1;
    "efficientnet_lite0" => efficientnet::efficientnet_lite0, KERAS_FIRST, width: true, least: 1;
    "convnext_tiny" => convnext::convnext_tiny, TORCH, width: false, least: 32;
    "vgg16" => vgg::vgg16, TORCH, width: false, least: 32;
];

impl std::fmt::Debug for Backbone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The backbone of that name.
pub fn find_backbone(name: &str) -> Option<&'static Backbone> {
    BACKBONES.iter().find(|backbone| backbone.name == name)
}

/// A backbone as an experiment has it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Which.
    pub backbone: &'static Backbone,
    /// Its options.
    pub choice: Choice,
    /// The file of its weights, as the experiment names it.
    pub weights: Option<String>,
}

impl Chosen {
    /// Its layers as an experiment would describe them.
    pub fn layers(&self) -> Vec<Spec> {
        let net = (self.backbone.net)(&self.choice);
        let body = net.stages.iter().flat_map(|stage| &stage.parts);
        match self.choice.output {
            Output::Features => parts::specs(body),
            Output::Pooled => parts::specs(body.chain(&net.pool)),
            Output::Logits => parts::specs(body.chain(&net.classifier)),
        }
    }

    /// Its stages, from the input on: the name of each, and its layers among those within this one.
    pub fn stages(&self) -> Vec<(String, Range<usize>)> {
        (self.backbone.net)(&self.choice).ranges()
    }

    /// The names of every module with parameters in files of weights, classifier included, in the order of their
    /// parameters; and how many of them are the classifier's.
    fn modules(&self) -> (Vec<Names>, usize) {
        let net = (self.backbone.net)(&self.choice);
        let body = net.stages.iter().flat_map(|stage| &stage.parts);
        let names = |parts: &mut dyn Iterator<Item = &Part>| -> Vec<Names> {
            parts.flat_map(|part| part.names.clone()).collect()
        };
        let pooled = names(&mut body.clone().chain(&net.pool)).len();
        let all = names(&mut body.chain(&net.classifier));
        let classifier = all.len() - pooled;
        (all, classifier)
    }
}
