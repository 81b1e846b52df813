//! `kiln init`

mod archives;
mod backbone;
mod folders;
mod image_files;
mod image_table;
mod image_tables;
mod layout_keys;
mod plan;
mod sets;
mod starter;
mod table_starter;
mod tables;
mod words;

use crate::commands::init::words::relative_to;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::shared::quoted as in_a_shell;
use crate::cli::InitArgs;
use crate::console::{self, json_path, shown, visible};
use crate::data::{Survey, Task, is_image_name};
use crate::report::left_out_of;
use crate::storage::write_new;
use backbone::Chosen;
use plan::Plan;

pub fn run(args: &InitArgs) -> anyhow::Result<u8> {
    let path = std::path::absolute(&args.folder)
        .with_context(|| format!("cannot find {}", shown(&args.folder)))?;
    let files = tables::files(&path)?;
    let own = match files.is_empty() {
        false => tables::name(&path).into(),
        true => path
            .file_name()
            .unwrap_or("experiment".as_ref())
            .to_os_string(),
    };
    let name = json_path(Path::new(&own));
    let out = args.out.clone().unwrap_or_else(|| {
        let mut name = own.clone();
        name.push(".toml");
        PathBuf::from(name)
    });
    if out.is_file() || out.is_dir() {
        bail!("{} exists; choose another file with --out", shown(&out));
    }
    match find(args, &path, &files)? {
        Some(plan) => from_plan(args, plan, &name, &out),
        None => from_table(args, &path, &files, &name, &out),
    }
}

/// The plan of the section `[data]`; `None` for a table by itself.
fn find(args: &InitArgs, path: &Path, files: &[PathBuf]) -> anyhow::Result<Option<Plan>> {
    if let Some(plan) = archives::plan(path, files)? {
        return Ok(Some(plan));
    }
    let [file] = files else {
        if !files.is_empty() {
            return Ok(None);
        }
        tables_only(args, path)?;
        return folders::plan(args, path).map(Some);
    };
    if let Some(text) = folders::other(file) {
        bail!("{text}");
    }
    if is_image_name(file) {
        bail!(
            "{} is one image; `kiln init` takes the folder of all of them, with one folder a class",
            shown(file)
        );
    }
    image_tables::plan(args, file)
}

/// Flags that a folder has no use for, and folders that hold nothing but tables.
fn tables_only(args: &InitArgs, folder: &Path) -> anyhow::Result<()> {
    let is_of_images = |entry: std::fs::DirEntry| is_image_name(&entry.path());
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    if !entries.any(is_of_images) {
        tables::refuse_folder_of_tables(&args.folder, folder)?;
    }
    Ok(())
}

fn from_table(
    args: &InitArgs,
    path: &Path,
    files: &[PathBuf],
    name: &str,
    out: &Path,
) -> anyhow::Result<u8> {
    if args.classes.is_some() || args.label_pattern.is_some() || args.backbone.is_some() {
        bail!(
            "--classes, --label-pattern and --backbone are for folders of images; {} is none",
            shown(path)
        );
    }
    let train = relative_to(out, path)?;
    let starter = table_starter::starter(args, files, name, &train, out)?;
    let of_columns = |flag: &&String| flag.trim_start().starts_with("data.columns.");
    let sets = args
        .sets
        .iter()
        .filter(|flag| !starter.is_text || !of_columns(flag));
    let text = sets::apply(&starter.text, &sets.cloned().collect::<Vec<_>>())?;
    for note in &starter.notes {
        crate::say!("note: {note}");
    }
    write(out, &text, &starter.what)
}

fn from_plan(args: &InitArgs, mut plan: Plan, name: &str, out: &Path) -> anyhow::Result<u8> {
    let said = sets::data(&args.sets)?;
    let pairs = [("valid", "valid_fraction"), ("valid_fraction", "valid")];
    for (key, other) in pairs {
        if said.contains_key(key) {
            plan.remove(other);
        }
    }
    // Images that come as files are resized; how large they are is known when they are listed.
    let of_files = plan.is_of_image_files();
    if of_files && !said.contains_key("size") {
        plan.say("size", vec![64, 64], "");
    }
    let fail = || format!("{} cannot be learned from as it is", shown(&args.folder));
    let mut survey = plan.survey(&args.sets).with_context(fail)?;
    let photographs = of_files && plan.photographs && is_large(&*survey);
    let chosen = backbone::choose(args.backbone.as_deref(), photographs)?;
    if chosen.is_some() && !of_files {
        bail!(
            "--backbone is for image files; {} holds none",
            shown(&args.folder)
        );
    }
    plan.notes.extend(chosen.as_ref().map(Chosen::note));
    if of_files && !said.contains_key("size") {
        say_size(&mut plan, &*survey, chosen.as_ref());
        survey = plan.survey(&args.sets).with_context(fail)?;
    }
    let text = starter::text(&plan, &*survey, name, out, chosen.as_ref())?;
    let text = sets::apply(&text, &args.sets)?;
    for note in &plan.notes {
        crate::say!("note: {note}");
    }
    let summary = survey.summary();
    for warning in &summary.warnings {
        crate::say!("warning: {warning}");
    }
    if let Some(text) = left_out_of(summary) {
        crate::say!("note: {text}");
    }
    let num_samples = summary.num_train + summary.num_valid + summary.num_test;
    let samples = if plan.texts { "texts" } else { "images" };
    let what = match summary.task {
        Task::MultiLabel(_) => "labels",
        _ => "classes",
    };
    let written = write(
        out,
        &text,
        &format!("{num_samples} {samples} of {} {what}", summary.task.len()),
    )?;
    for folder in &plan.unlabelled {
        writeln!(
            console::out(),
            "  kiln predict --model runs/{name}-1/best.safetensors {}",
            relative_to(Path::new("experiment.toml"), folder)?
        )?;
    }
    Ok(written)
}

/// Says the size that every image is resized to: that of the trained weights, or one for the images.
fn say_size(plan: &mut Plan, survey: &dyn Survey, chosen: Option<&Chosen>) {
    if let Some(chosen) = chosen {
        let remark = "height, width: as the weights were trained";
        return plan.say("size", chosen.size(), remark);
    }
    let usual = survey.typical_size().unwrap_or([64, 64]);
    plan.say(
        "size",
        starter::size(usual).to_vec(),
        "height, width: every image is resized to this",
    );
    plan.say(
        "resize",
        "bilinear",
        "or \"nearest\", \"bicubic\", \"lanczos\"",
    );
}

/// Whether images are larger than those that are taken as they are.
fn is_large(survey: &dyn Survey) -> bool {
    let usual = survey.typical_size();
    usual.is_some_and(|[height, width]| height.max(width) > starter::SMALL)
}

fn write(out: &Path, text: &str, what: &str) -> anyhow::Result<u8> {
    write_new(out, text.as_bytes())?;
    let mut output = console::out();
    writeln!(output, "wrote {} for {}", shown(out), visible(what))?;
    writeln!(output, "  kiln check --config {}", in_a_shell(out))?;
    writeln!(output, "  kiln train --config {}", in_a_shell(out))?;
    Ok(0)
}
