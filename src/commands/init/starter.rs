//! The text of a starter for images or for folders of texts.

use std::path::Path;

use super::backbone::{self, Chosen};
use super::plan::Plan;
use super::table_starter::TEXT_LAYERS;
use super::words::quoted;
use crate::console::Show as _;
use crate::data::{Shape, Survey, Task, list_names};

/// The largest height and width of a starter.
const SIDE: usize = 150;
/// Images of at most that many pixels a side are small: they are taken as they are.
pub(super) const SMALL: usize = 96;

/// The height and width of a starter for images of a usual size: none is enlarged beyond what it has.
pub(super) fn size(usual: [usize; 2]) -> [usize; 2] {
    match usual[0].max(usual[1]) <= SMALL {
        true => usual.map(|side| side.max(1)),
        false => usual.map(|side| side.clamp(1, SIDE)),
    }
}

/// The experiment for data that was surveyed.
///
/// # Errors
/// A path that cannot be written.
pub(super) fn text(
    plan: &Plan,
    survey: &dyn Survey,
    name: &str,
    out: &Path,
    backbone: Option<&Chosen>,
) -> anyhow::Result<String> {
    let summary = survey.summary();
    let names = summary.task.names();
    let count = names.len();
    let (units, loss, head) = match &summary.task {
        Task::Classes(_) if count == 2 => {
            (1, "binary_cross_entropy", "the logit of the second class")
        }
        Task::MultiLabel(_) => (count, "binary_cross_entropy", "one a label"),
        _ => (count, "sparse_categorical_cross_entropy", "one a class"),
    };
    let what = match &summary.task {
        Task::MultiLabel(_) => "labels, any number of which may hold",
        _ => "classes",
    };
    let usual = survey.typical_size();
    let sizes = usual.map_or(String::new(), |[height, width]| {
        format!(", most of them about {height} x {width} pixels (height x width)")
    });
    let (epochs, patience) = how_long(summary.num_train);
    let stopping = format!("early_stopping = {{ patience = {patience} }}\n");
    let at_most = "# at most: training ends before, where validation gets no better";
    let (epochs, at_most, stopping) = match backbone {
        Some(_) => (
            13,
            "# ten for the head, three for the whole net",
            "schedule = { cosine = {} }       # the rate falls to 0\n".to_string(),
        ),
        None => (epochs, at_most, stopping),
    };
    let (layers, preprocess, augment, rate) = match (survey.shape(), backbone) {
        (_, Some(backbone)) => (backbone.layer(), backbone::SECTIONS, String::new(), "3e-3"),
        (Shape::Image { height, width, .. }, None) => {
            let small = height.max(width) <= SMALL;
            let layers = format!(
                "{}  {{ flatten = {{}} }},\n  {{ dense = {{ units = 128, activation = \"relu\" }} }},\n  \
                 {{ dropout = {{ rate = 0.5 }} }},\n",
                blocks(height.min(width))
            );
            (
                layers,
                PREPROCESS,
                augment(plan.photographs),
                if small { "1e-3" } else { "3e-4" },
            )
        }
        _ => (TEXT_LAYERS.to_string(), "", String::new(), "1e-3"),
    };
    let samples = if plan.texts { "texts" } else { "images" };
    Ok(format!(
        r#"# {count} {what}: {listed}
# {num_train} {samples} to train on{sizes}.
#
#   kiln check --config {out}    layers, shapes, classes; trains nothing
#   kiln train --config {out}    everything goes into runs/{name}-1

name = {quoted_name}
seed = 1                         # another seed, another run; the same seed, the same run

[data]
{data}
{preprocess}{augment}[model]
layers = [
{layers}  {{ dense = {{ units = {units} }} }},             # {head}
]

[train]
epochs = {epochs:<24}{at_most}
batch_size = 32
loss = "{loss}"
optimizer = {{ adam = {{ learning_rate = {rate} }} }}
monitor = "valid_loss"           # what "best" means
{stopping}
[eval]
threshold = 0.5                  # from this probability on a class of two, or a label, is said to hold
"#,
        listed = list_names(&names).replace('\n', " "),
        num_train = summary.num_train,
        out = out.shown(),
        quoted_name = quoted(name),
        data = plan.to_toml(out)?,
    ))
}

/// Epochs at most, and those without progress after which training ends: about as many steps for any dataset.
fn how_long(samples: usize) -> (usize, usize) {
    match samples {
        0..1_000 => (100, 12),
        1_000..10_000 => (60, 8),
        10_000..100_000 => (30, 5),
        _ => (15, 3),
    }
}

const PREPROCESS: &str = "[preprocess]\ndivide_by = 255                  # 0-255 becomes 0-1\n\n";

fn augment(photographs: bool) -> String {
    if !photographs {
        return String::new();
    }
    r#"[augment]                        # training images only, drawn anew each epoch
# `kiln preview --config` this file draws what it does; preset = "standard" stands for such a table
rotation = 20                    # degrees, either way
width_shift = 0.1                # fraction of the width
height_shift = 0.1
zoom = 0.1
horizontal_flip = true           # remove it where left and right matter (digits, text)
fill = "nearest"                 # what lies beyond the edge

"#
    .to_string()
}

/// Convolution and pooling, as often as the images' smaller side allows, three times at most.
fn blocks(mut side: usize) -> String {
    let mut out = String::new();
    for filters in [32, 64, 128] {
        if side < 6 {
            break;
        }
        out.push_str(&format!(
            "  {{ conv2d = {{ filters = {filters}, kernel = 3, activation = \"relu\" }} }},\n  \
             {{ max_pool2d = {{ size = 2 }} }},\n"
        ));
        side = (side - 2) / 2;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_image_is_enlarged() {
        assert_eq!(size([28, 28]), [28, 28]);
        assert_eq!(size([480, 640]), [150, 150]);
        assert_eq!(size([120, 640]), [120, 150]);
        assert_eq!(size([96, 97]), [96, 97]);
    }
}
