//! `kiln cache`

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};
use serde_json::json;

use crate::cli::{CacheArgs, CacheCommand};
use crate::console;
use crate::data::image::cache::{CacheFile, list_caches, remove_cache};
use crate::report::{bytes, tables};
use crate::storage::cache_folder;

pub fn run(args: &CacheArgs) -> anyhow::Result<u8> {
    let folder = cache_folder();
    let files = list_caches(&folder)
        .with_context(|| format!("cannot list the cache folder {}", console::shown(&folder)))?;
    match &args.command {
        Some(CacheCommand::Clear { names }) => clear(&files, names),
        None => list(&folder, &files, args.json),
    }
}

fn name(file: &CacheFile) -> String {
    let stem = file.path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn list(folder: &Path, files: &[CacheFile], json: bool) -> anyhow::Result<u8> {
    let mut out = console::out();
    if json {
        for file in files {
            let description = file.description.as_ref();
            let used = file.used.duration_since(SystemTime::UNIX_EPOCH);
            let object = json!({
                "name": name(file),
                "path": console::json_path(&file.path),
                "bytes": file.bytes,
                "used_unix_s": used.map_or(0, |used| used.as_secs()),
                "data": description.map(|d| &d.root),
                "pixels": description.map(|d| &d.pixels),
                "samples": description.map(|d| d.num_samples(file.bytes)),
            });
            writeln!(out, "{object}")?;
        }
        return Ok(0);
    }
    if files.is_empty() {
        writeln!(out, "no cache files in {}", console::shown(folder))?;
        return Ok(0);
    }
    let total = files.iter().map(|file| file.bytes).sum();
    let rows = files.iter().map(|file| {
        let days = file.used.elapsed().unwrap_or_default().as_secs() / 86_400;
        let description = file.description.as_ref();
        let samples = description.map(|d| d.num_samples(file.bytes).to_string());
        let unknown = || "damaged".to_string();
        [
            name(file),
            bytes(file.bytes),
            samples.unwrap_or_else(unknown),
            if days == 0 {
                "today".to_string()
            } else {
                format!("{days} days ago")
            },
            description.map_or_else(unknown, |d| d.pixels.clone()),
            description.map_or_else(unknown, |d| d.root.clone()),
        ]
    });
    let heads = ["name", "size", "samples", "last used", "pixels", "data"];
    let mut table = tables::table(&heads, &[1, 2]);
    rows.for_each(|row| {
        table.add_row(row);
    });
    writeln!(out, "{}", tables::print(&table))?;
    writeln!(out, "{} in {}", bytes(total), console::shown(folder))?;
    Ok(0)
}

fn clear(files: &[CacheFile], names: &[String]) -> anyhow::Result<u8> {
    for wanted in names {
        if !files.iter().any(|file| name(file) == *wanted) {
            bail!("there is no cache file {wanted}; `kiln cache` lists them");
        }
    }
    let chosen = files
        .iter()
        .filter(|file| names.is_empty() || names.contains(&name(file)));
    let (mut count, mut freed) = (0, 0);
    for file in chosen {
        remove_cache(file)
            .with_context(|| format!("cannot remove {}", console::shown(&file.path)))?;
        count += 1;
        freed += file.bytes;
    }
    writeln!(
        console::out(),
        "removed {count} cache files, {}",
        bytes(freed)
    )?;
    Ok(0)
}
