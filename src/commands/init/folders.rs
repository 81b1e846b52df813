//! A starter for a folder of images or texts, in any recognized layout.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::image_tables::{self, list_files};
use super::plan::Plan;
use crate::cli::{ClassLevel, InitArgs};
use crate::console::Show as _;
use crate::data::{
    Content, FolderLayout, LabelPattern, LabelledBy, images_below, list_names, short_name,
};

/// The plan of an experiment for a folder.
///
/// # Errors
/// A folder without usable samples, with a description of its content.
pub(super) fn plan(args: &InitArgs, folder: &Path) -> anyhow::Result<Plan> {
    let layout = FolderLayout::find(folder)
        .map_err(|message| anyhow!("{} {message}{}", folder.shown(), hint(folder)))?;
    if layout.content == Content::Texts {
        return texts(folder, &layout);
    }
    let by_folders = layout.labelled == LabelledBy::Folders && args.label_pattern.is_none();
    let table_only = [
        ("--target", args.target.is_some()),
        ("--no-header", args.no_header),
        ("--header", args.header),
    ];
    if let Some((flag, _)) = table_only.iter().find(|(_, given)| *given && by_folders) {
        bail!("{flag} is for a table; {} is none", folder.shown());
    }
    let mut plan = match by_folders {
        true => by_class_folders(args, &layout),
        false => elsewhere(args, folder, &layout)?,
    };
    plan.photographs = true;
    plan.notes.splice(0..0, layout.notes.iter().cloned());
    Ok(plan)
}

fn by_class_folders(args: &InitArgs, layout: &FolderLayout) -> Plan {
    let mut plan = Plan::of("image-folder", "one folder a class");
    plan.splits(
        &layout.train,
        layout.valid.as_deref(),
        layout.test.as_deref(),
    );
    if !layout.exclude.is_empty() {
        plan.say(
            "exclude",
            layout.exclude.clone(),
            "folders beside those of the classes that are none",
        );
    }
    match args.classes {
        Some(ClassLevel::Leaf) => plan.say("classes", "leaf", "the folders that images lie in are the classes"),
        Some(ClassLevel::Top) => plan.say("classes", "top", "the folders at the top are the classes"),
        None if layout.deeper => plan.notes.push(
            "the folders of the classes hold further folders; --classes leaf takes those for the classes".to_string(),
        ),
        None => {}
    }
    plan.unlabelled = layout.unlabelled.clone();
    plan
}

/// Images in one folder: labels come from tables and lists near them, else from the file names.
fn elsewhere(args: &InitArgs, folder: &Path, layout: &FolderLayout) -> anyhow::Result<Plan> {
    let train = &layout.train;
    if args.label_pattern.is_none()
        && let Some(plan) = image_tables::near(args, folder, layout)?
    {
        return Ok(plan);
    }
    let read = |folder: &Path| {
        images_below(folder).map_err(|message| anyhow!("{} {message}", folder.shown()))
    };
    let (files, _) = read(train)?;
    let guessed = LabelPattern::guess(&files);
    let pattern = match (&args.label_pattern, &guessed) {
        (Some(pattern), _) => pattern.clone(),
        (None, Some((pattern, _))) => (*pattern).to_string(),
        (None, None) => bail!("{}", no_labels(train, &files, &list_files(folder))),
    };
    let parsed =
        LabelPattern::parse(&pattern).map_err(|message| anyhow!("--label-pattern {message}"))?;
    let classes: std::collections::BTreeSet<String> =
        files.iter().filter_map(|file| parsed.label(file)).collect();
    if classes.len() < 2 {
        let first = files
            .first()
            .map_or(String::new(), |file| file.shown().to_string());
        bail!(
            "--label-pattern {pattern:?} gives {} of the images in {} (the first is {}); expected at least two classes",
            match classes.first() {
                Some(only) => format!("one class ({})", short_name(only)),
                None => "no class".to_string(),
            },
            train.shown(),
            short_name(&first)
        );
    }
    let mut plan = Plan::of("image-folder", "images side by side");
    let mut labelled = |split: &Option<PathBuf>| -> anyhow::Result<Option<PathBuf>> {
        let Some(folder) = split else { return Ok(None) };
        let (files, _) = read(folder)?;
        let fit = files.iter().filter(|file| {
            parsed
                .label(file)
                .is_some_and(|label| classes.contains(&label))
        });
        if fit.count() * 2 > files.len() {
            return Ok(Some(folder.clone()));
        }
        plan.unlabelled.push(folder.clone());
        Ok(None)
    };
    let (valid, test) = (labelled(&layout.valid)?, labelled(&layout.test)?);
    for (split, what) in [(&valid, "validation"), (&test, "the test at the end")] {
        plan.notes.extend(
            split
                .iter()
                .map(|folder| format!("{}: {what}", folder.shown())),
        );
    }
    plan.splits(train, valid.as_deref(), test.as_deref());
    plan.say(
        "label_pattern",
        pattern.clone(),
        "the class in the file's name; # are digits, * is anything",
    );
    let names: Vec<&String> = classes.iter().collect();
    plan.notes.push(format!(
        "the class is told from the files' names by {pattern:?}: {}; --label-pattern says another",
        list_names(&names)
    ));
    plan.unlabelled.extend(layout.unlabelled.iter().cloned());
    Ok(plan)
}

fn no_labels(train: &Path, files: &[Box<Path>], tables: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .take(3)
        .map(|file| file.shown().to_string())
        .collect();
    let mut text = format!(
        "{} holds {} images without folders of classes ({}, ...), and their names say no classes. Labels are taken from \
         folders (one a class), from names (--label-pattern '{{label}}_#'), or from a table: \
         `kiln init labels.csv --target COLUMN`",
        train.shown(),
        files.len(),
        list_names(&names)
    );
    if !tables.is_empty() {
        let tables: Vec<String> = tables
            .iter()
            .map(|table| table.shown().to_string())
            .collect();
        text.push_str(&format!("; there is {}", list_names(&tables)));
    }
    text
}

fn texts(folder: &Path, layout: &FolderLayout) -> anyhow::Result<Plan> {
    if layout.labelled == LabelledBy::Elsewhere {
        let tables = list_files(folder);
        match tables.first() {
            Some(table) => bail!(
                "{} holds texts without folders of classes. Is {} the data? `kiln init {} --target COLUMN`",
                layout.train.shown(),
                table.shown(),
                table.shown()
            ),
            None => bail!(
                "{} holds texts without folders of classes, expected one folder a class (or a table with a column of texts)",
                layout.train.shown()
            ),
        }
    }
    let mut plan = Plan::of("text-folder", "one folder a class");
    plan.splits(&layout.train, layout.valid.as_deref(), None);
    if !layout.exclude.is_empty() {
        plan.say(
            "exclude",
            layout.exclude.clone(),
            "folders beside those of the classes that are none",
        );
    }
    plan.say("vocabulary", 20000, "the most frequent words");
    plan.say(
        "length",
        200,
        "tokens; longer texts are cut, shorter ones filled up",
    );
    plan.texts = true;
    plan.notes = layout.notes.clone();
    if let Some(test) = &layout.test {
        plan.notes.push(format!(
            "once trained: kiln eval --model runs/NAME-1/best.safetensors --data {}",
            test.shown()
        ));
    }
    plan.unlabelled = layout.unlabelled.clone();
    Ok(plan)
}

/// The hint for a folder of unsupported files.
fn hint(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    names.sort();
    names
        .iter()
        .find_map(|path| other(path))
        .map_or(String::new(), |text| format!("; {text}"))
}

/// The kind of an unsupported file, and a hint.
pub(super) fn other(path: &Path) -> Option<String> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let shown = path.shown();
    if ends(&[
        ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar",
    ]) {
        return Some(format!(
            "{shown} is packed: unpack it, then run `kiln init` on the folder that comes out"
        ));
    }
    if ends(&[
        ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv",
    ]) {
        return Some(format!(
            "{shown} is a video: save some of its frames as images (`ffmpeg -i {name} -vf fps=1 CLASS/%05d.jpg`), in one \
             folder a class"
        ));
    }
    if ends(&[".pdf"]) {
        return Some(format!(
            "{shown} is a PDF: convert its pages to PNG or JPEG, in one folder a class"
        ));
    }
    if ends(&[
        ".parquet",
        ".feather",
        ".h5",
        ".hdf5",
        ".mat",
        ".pkl",
        ".pickle",
        ".tfrecord",
        ".tfrecords",
        ".lmdb",
    ]) {
        return Some(format!(
            "{shown} is of a format that is not read: export it as CSV, .npz, or images in folders"
        ));
    }
    if ends(&[".wav", ".mp3", ".flac", ".ogg"]) {
        return Some(format!("{shown} is sound, which is not read"));
    }
    None
}
