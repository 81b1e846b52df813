//! `kiln init`

mod sets;
mod tables;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::InitArgs;
use crate::data::{Header, Listing, list_classes, read_header};
use crate::report::{FILES, left_out};

pub fn run(args: &InitArgs) -> anyhow::Result<u8> {
    let folder = std::path::absolute(&args.folder)
        .with_context(|| format!("cannot find {}", args.folder.display()))?;
    let tables = tables::files(&folder)?;
    let name = match tables.is_empty() {
        false => tables::name(&folder),
        true => folder.file_name().map_or_else(
            || "experiment".to_string(),
            |name| name.to_string_lossy().into_owned(),
        ),
    };
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if out.exists() {
        bail!("{} exists; choose another file with --out", out.display());
    }
    if !tables.is_empty() {
        let train = relative_to(&out, &folder)?;
        let starter = tables::starter(args, &tables, &name, &train, &out)?;
        let of_columns = |flag: &&String| flag.trim_start().starts_with("data.columns.");
        let sets = args
            .sets
            .iter()
            .filter(|flag| !starter.is_text || !of_columns(flag));
        let text = sets::apply(&starter.text, &sets.cloned().collect::<Vec<_>>())?;
        for note in &starter.notes {
            eprintln!("note: {note}");
        }
        return write(&out, &text, &starter.what);
    }
    let table_only = [
        ("--target", args.target.is_some()),
        ("--no-header", args.no_header),
        ("--header", args.header),
    ];
    if let Some((flag, _)) = table_only.iter().find(|(_, given)| *given) {
        bail!("{flag} is for a table; {} is none", folder.display());
    }
    tables::instead_of_pictures(&args.folder, &folder)?;
    let found = survey(&folder)?;
    let text = sets::apply(
        &starter(&name, &found, &relative_to(&out, &folder)?, &out),
        &args.sets,
    )?;
    let classes = found.listing.classes.len();
    let pictures = found.listing.files.len();
    let written = write(
        &out,
        &text,
        &format!("{pictures} pictures of {classes} classes"),
    )?;
    if let Some(text) = left_out(&found.listing.left_out, FILES) {
        eprintln!("note: {text}");
    }
    Ok(written)
}

fn write(out: &Path, text: &str, what: &str) -> anyhow::Result<u8> {
    std::fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?;
    writeln!(stdout(), "wrote {} for {what}", out.display())?;
    writeln!(stdout(), "  kiln check --config {}", out.display())?;
    writeln!(stdout(), "  kiln train --config {}", out.display())?;
    Ok(0)
}

struct Found {
    /// The training split.
    listing: Listing,
    /// The folder of the training split, within the folder that was given.
    train: Option<&'static str>,
    /// The folder of the validation split, likewise.
    valid: Option<&'static str>,
    /// The most frequent size of the headers read.
    size: (u32, u32),
    channels: usize,
}

/// Names that people give to the two splits.
const TRAIN_NAMES: [&str; 3] = ["train", "training", "Train"];
const VALID_NAMES: [&str; 6] = ["valid", "val", "validation", "test", "Valid", "Val"];

/// The folders of the training and the validation split within a folder, where it has them.
pub fn find_splits(folder: &Path) -> (Option<&'static str>, Option<&'static str>) {
    let present = |names: &[&'static str]| {
        let mut names = names.iter().copied();
        names.find(|name| folder.join(name).is_dir())
    };
    let train = present(&TRAIN_NAMES);
    (train, train.and_then(|_| present(&VALID_NAMES)))
}

fn survey(folder: &Path) -> anyhow::Result<Found> {
    let fail = |message: String| anyhow::anyhow!("{} {message}", folder.display());
    let (train, valid) = find_splits(folder);
    let root = train.map_or_else(|| folder.to_path_buf(), |name| folder.join(name));
    let listing = list_classes(&root).map_err(fail)?;
    if listing.classes.len() < 2 {
        bail!(
            "{} holds one class only, expected at least two",
            root.display()
        );
    }
    if listing.files.is_empty() {
        bail!("{} holds no pictures", root.display());
    }
    let step = listing.files.len().div_ceil(64);
    let headers: Vec<Header> = listing
        .files
        .iter()
        .step_by(step)
        .filter_map(|(path, _)| read_header(&root.join(path)).ok())
        .collect();
    let middle = headers.len() / 2;
    let mut sides: Vec<(u32, u32)> = headers.iter().map(|h| (h.height, h.width)).collect();
    sides.sort_unstable();
    let size = sides.get(middle).copied().unwrap_or((150, 150));
    let channels = if headers.iter().all(|header| header.channels == 1) {
        1
    } else {
        3
    };
    Ok(Found {
        listing,
        train,
        valid,
        size,
        channels,
    })
}

/// `folder` as the experiment file should name it: relative to the file where that is short.
fn relative_to(out: &Path, folder: &Path) -> anyhow::Result<String> {
    let base = std::path::absolute(out)?;
    let base = base.parent().unwrap_or(Path::new("/"));
    let relative = folder.strip_prefix(base).unwrap_or(folder);
    let text = relative.display().to_string();
    Ok(if text.is_empty() {
        ".".to_string()
    } else {
        text
    })
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_string()
}

fn starter(name: &str, found: &Found, folder: &str, out: &Path) -> String {
    let classes = found.listing.classes.len();
    let sub = |part: Option<&str>| match part {
        Some(part) => quoted(&format!("{folder}/{part}")),
        None => quoted(folder),
    };
    let valid = match found.valid {
        Some(_) => format!("valid = {}", sub(found.valid)),
        None => "valid_fraction = 0.2             # a fifth of each class is held back".to_string(),
    };
    let small = found.size.0.max(found.size.1) <= 96;
    let (height, width) = if small { found.size } else { (150, 150) };
    let (units, loss) = if classes == 2 {
        (1, "binary_cross_entropy")
    } else {
        (classes, "sparse_categorical_cross_entropy")
    };
    let header = format!(
        "# {classes} classes: {}\n# {} pictures to train on, most of them about {} x {} pixels.\n\
         #\n#   kiln check --config {out}    layers, shapes, classes; trains nothing\n\
         #   kiln train --config {out}    everything goes into runs/{name}-1\n",
        found.listing.classes.join(", "),
        found.listing.files.len(),
        found.size.0,
        found.size.1,
        out = out.display()
    );
    let size = format!("size = [{height}, {width}]");
    format!(
        r#"{header}
name = {name}
seed = 1                         # another seed, another run; the same seed, the same run

[data]
kind = "image-folder"            # one folder a class
train = {train}
{valid}
{size:<33}# height, width: every picture is resized to this
channels = {channels}                     # 1 is grey, 3 is colour
resize = "bilinear"              # or "nearest", "bicubic", "lanczos"

[preprocess]
divide_by = 255                  # 0-255 becomes 0-1

[augment]                        # training pictures only, drawn anew each epoch
# `kiln preview --config` this file draws what it does; preset = "standard" stands for such a table
rotation = 20                    # degrees, either way
width_shift = 0.1                # fraction of the width
height_shift = 0.1
zoom = 0.1
horizontal_flip = true           # remove it where left and right matter (digits, text)
fill = "nearest"                 # what lies beyond the edge

[model]
layers = [
{layers}  {{ flatten = {{}} }},
  {{ dense = {{ units = 128, activation = "relu" }} }},
  {{ dropout = {{ rate = 0.5 }} }},
  {{ dense = {{ units = {units} }} }},             # {head}
]

[train]
epochs = 20
batch_size = 32
loss = "{loss}"
optimizer = {{ adam = {{ learning_rate = {rate} }} }}
monitor = "valid_loss"           # what "best" means

[eval]
threshold = 0.5                  # with two classes: from this probability on it is the positive one
"#,
        name = quoted(name),
        train = sub(found.train),
        channels = found.channels,
        layers = blocks(height.min(width)),
        head = if classes == 2 {
            "the logit of the second class"
        } else {
            "one a class"
        },
        rate = if small { "1e-3" } else { "1e-4" },
    )
}

/// Convolution and pooling, as often as the pictures' smaller side allows, three times at most.
fn blocks(mut side: u32) -> String {
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
