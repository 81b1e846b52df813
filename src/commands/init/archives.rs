//! A starter for files that hold many samples: archives, IDX, CIFAR's binaries, NumPy's arrays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::plan::Plan;
use crate::console::Show as _;
use crate::data::{FolderLayout, SplitName, is_images, name_of, split_name};

fn has_end(path: &Path, end: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(end))
}

/// The files of a folder that are not hidden, sorted.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let hidden = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && !hidden(path))
        .collect();
    files.sort();
    files
}

/// The plan for a folder of such files, or for files given by name; `None` if they are of another kind.
///
/// # Errors
/// Several files of which one has to be named.
pub(super) fn plan(path: &Path, named: &[PathBuf]) -> anyhow::Result<Option<Plan>> {
    let all = match path.is_dir() {
        true => files_of(path),
        false => named.to_vec(),
    };
    let of = |is: &dyn Fn(&PathBuf) -> bool| {
        all.iter()
            .filter(|file| is(file))
            .cloned()
            .collect::<Vec<_>>()
    };
    let idx = of(&|file| is_images(file));
    if !idx.is_empty() {
        return Ok(Some(blocks("idx", "MNIST's format", path, &idx)));
    }
    let cifar = of(&|file| has_end(file, "bin") && is_cifar(file));
    if !cifar.is_empty() {
        return Ok(Some(blocks(
            "cifar-binary",
            "CIFAR's binary files",
            path,
            &cifar,
        )));
    }
    // Folders of images beside such files are what is meant.
    if path.is_dir() && FolderLayout::find(path).is_ok() {
        return Ok(None);
    }
    let tars = of(&|file| has_end(file, "tar"));
    if !tars.is_empty() && tars.len() == all.iter().filter(|file| is_data(file)).count() {
        return Ok(Some(archives(&tars)));
    }
    let arrays = of(&|file| has_end(file, "npz"));
    match &arrays[..] {
        [] => Ok(None),
        [file] => numpy(file).map(Some),
        [first, ..] if path.is_dir() => bail!(
            "{} holds {} files of arrays; name one: `kiln init {}`",
            path.shown(),
            arrays.len(),
            first.shown()
        ),
        _ => Ok(None),
    }
}

/// Whether a file is no note beside the data.
fn is_data(file: &Path) -> bool {
    !["txt", "md", "json", "html", "yaml"]
        .iter()
        .any(|end| has_end(file, end))
}

fn is_cifar(file: &Path) -> bool {
    let name = name_of(file);
    ["batch", "train.bin", "test.bin"]
        .iter()
        .any(|part| name.contains(part))
}

/// A folder of files for training and, under names of their own, for a test; or one file.
fn blocks(kind: &str, remark: &'static str, path: &Path, files: &[PathBuf]) -> Plan {
    let mut plan = Plan::of(kind, remark);
    let of_test = |file: &PathBuf| {
        let name = name_of(file);
        ["t10k", "test"].iter().any(|word| name.contains(word))
    };
    let of_train = |file: &PathBuf| {
        ["train", "data_batch"]
            .iter()
            .any(|word| name_of(file).contains(word))
    };
    let of_valid = |file: &PathBuf| name_of(file).contains("val");
    let has = |is: &dyn Fn(&PathBuf) -> bool| path.is_dir() && files.iter().any(is);
    let train = if path.is_dir() { path } else { &files[0] };
    plan.at("train", train, "");
    match (has(&of_train), has(&of_valid), has(&of_test)) {
        (true, true, _) => plan.at("valid", path, "the files called as validation"),
        (true, false, has_test) => {
            plan.say("valid_fraction", 0.1, "a tenth of each class is held back");
            if has_test {
                plan.at(
                    "test",
                    path,
                    "the files of the test: evaluated once, after training; never part of it",
                );
            }
        }
        _ => plan.say("valid_fraction", 0.2, "a fifth of each class is held back"),
    }
    plan
}

fn numpy(file: &Path) -> anyhow::Result<Plan> {
    let mut plan = Plan::of("npz", "NumPy's arrays");
    plan.at("train", file, "");
    let arrays = crate::data::array_names(file)
        .map_err(|message| anyhow::anyhow!("{} {message}", file.shown()))?;
    let has = |words: &[&str]| {
        let mut names = arrays.iter().map(|name| name.to_lowercase());
        names.any(|name| {
            name.split(['_', '-', '.'])
                .any(|part| words.contains(&part))
        })
    };
    match has(&["val", "valid", "validation", "dev"]) {
        true => plan.at("valid", file, "its arrays of validation"),
        false => plan.say("valid_fraction", 0.2, "a fifth of each class is held back"),
    }
    if has(&["test", "testing"]) {
        plan.at(
            "test",
            file,
            "its arrays of the test: evaluated once, after training; never part of it",
        );
    }
    plan.notes.push(format!(
        "{} holds the arrays {}",
        file.shown(),
        arrays.join(", ")
    ));
    Ok(plan)
}

/// Archives by split, inferred from their names.
fn archives(tars: &[PathBuf]) -> Plan {
    let mut splits: BTreeMap<Option<SplitName>, Vec<PathBuf>> = BTreeMap::new();
    for tar in tars {
        let stem = tar
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let words: Vec<&str> = stem.split(|c: char| !c.is_alphanumeric()).collect();
        let split = split_name(&stem).or_else(|| words.iter().find_map(|word| split_name(word)));
        splits.entry(split).or_default().push(tar.clone());
    }
    let mut plan = Plan::of("webdataset", "tar archives");
    plan.photographs = true;
    let Some(train) = splits.get(&Some(SplitName::Train)) else {
        plan.at_all("train", &short(tars), "");
        plan.say("valid_fraction", 0.2, "a fifth of each class is held back");
        return plan;
    };
    plan.at_all("train", &short(train), "");
    match splits.get(&Some(SplitName::Valid)) {
        Some(valid) => plan.at_all("valid", &short(valid), ""),
        None => plan.say("valid_fraction", 0.2, "a fifth of each class is held back"),
    }
    if let Some(test) = splits.get(&Some(SplitName::Test)) {
        match &short(test)[..] {
            [one] => plan.at(
                "test",
                one,
                "evaluated once, after training; never part of it",
            ),
            _ => plan.notes.push(format!(
                "{} archives of a test are not used; once trained, `kiln eval` judges them",
                test.len()
            )),
        }
    }
    plan
}

/// The one pattern that several archives fit which differ in digits alone, else all of them.
fn short(tars: &[PathBuf]) -> Vec<PathBuf> {
    let pattern = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut pattern = String::new();
        for sign in name.chars() {
            match sign.is_ascii_digit() {
                true if pattern.ends_with('*') => {}
                true => pattern.push('*'),
                false => pattern.push(sign),
            }
        }
        path.with_file_name(pattern)
    };
    let Some(first) = tars.first().map(pattern) else {
        return Vec::new();
    };
    let plain = |path: &Path| !path.to_string_lossy().contains(['[', ']', '{', '}', '?']);
    let twins = first.parent().map_or(0, |folder| {
        files_of(folder)
            .iter()
            .filter(|file| pattern(file) == first)
            .count()
    });
    match tars.len() > 1
        && twins == tars.len()
        && tars.iter().all(|tar| pattern(tar) == first && plain(tar))
    {
        true => vec![first],
        false => tars.to_vec(),
    }
}
