//! Inverted residual blocks (Sandler and others, 2018, arXiv 1801.04381): a convolution of 1 x 1 to more channels, one over
//! each of these, squeeze-and-excitation in some nets, and a convolution of 1 x 1 to few channels.

use serde_json::json;

use super::names::Names;
use super::parts::{Conv, Kit, Part, residual};

/// The modules of a block, in the order of their parameters.
pub const MODULES: usize = 8;
/// Of the squeeze-and-excitation.
const REDUCE: usize = 4;
/// Of the last convolution.
const PROJECT: usize = 6;

/// What nets of such blocks differ in.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// What convolutions have in common.
    pub kit: Kit,
    /// What follows each convolution but the last.
    pub activation: &'static str,
    /// What follows the first layer of the squeeze-and-excitation, and what makes factors of its last.
    pub excite: [&'static str; 2],
}

/// The sizes of a block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Input channels.
    pub inputs: usize,
    /// Channels between; no first convolution where they are those of the input.
    pub expanded: usize,
    /// Output channels.
    pub outputs: usize,
    /// Height and width of the window over each channel.
    pub kernel: usize,
    /// Its steps.
    pub stride: usize,
    /// Channels of the squeeze-and-excitation, if there is one.
    pub reduced: Option<usize>,
    /// The share of samples that skip the block in training.
    pub drop_path: f64,
}

impl Block {
    /// Whether it begins with a convolution to more channels.
    pub fn expands(&self) -> bool {
        self.expanded != self.inputs
    }
}

/// The layers of a block: one residual block where input and output have the same shape. `names` gives the names of each
/// module, by its number: convolution and normalisation of the first, of the one over each channel, the two layers of the
/// squeeze-and-excitation, convolution and normalisation of the last.
pub fn inverted(form: &Form, block: &Block, names: &dyn Fn(usize) -> Names) -> Vec<Part> {
    let Form {
        kit,
        activation,
        excite,
    } = form;
    let act = Some(*activation);
    let pair = |first: usize| [names(first), names(first + 1)];
    let mut parts = Vec::new();
    if block.expands() {
        parts.extend(kit.conv_norm(Conv::new(block.expanded, 1, 1), pair(0), act));
    }
    let each = Conv::depthwise(block.expanded, block.kernel, block.stride);
    parts.extend(kit.conv_norm(each, pair(2), act));
    if let Some(reduced) = block.reduced {
        let [activation, gate] = excite;
        let layer = json!({"squeeze_excite": {
            "reduced": reduced, "activation": activation, "gate": gate, "weight_init": kit.init,
        }});
        let names = pair(REDUCE).to_vec();
        parts.push(Part { layer, names });
    }
    let project = Conv::new(block.outputs, 1, 1);
    parts.extend(kit.conv_norm(project, pair(PROJECT), None));
    match block.stride == 1 && block.inputs == block.outputs {
        true => vec![residual(&parts, "linear", block.drop_path, Vec::new())],
        false => parts,
    }
}

/// The place of a module's `Sequential` within torchvision's block: those that the block lacks do not count.
pub fn place(module: usize, block: &Block) -> usize {
    let expand = usize::from(block.expands());
    match module {
        0 | 1 => 0,
        2 | 3 => expand,
        4 | 5 => expand + 1,
        _ => expand + 1 + usize::from(block.reduced.is_some()),
    }
}

/// Timm's names of the modules of a block.
pub fn timm(block: &Block) -> [&'static str; MODULES] {
    let [reduce, expand] = ["se.conv_reduce", "se.conv_expand"];
    match block.expands() {
        true => [
            "conv_pw", "bn1", "conv_dw", "bn2", reduce, expand, "conv_pwl", "bn3",
        ],
        false => ["", "", "conv_dw", "bn1", reduce, expand, "conv_pw", "bn2"],
    }
}
