//! `kiln weights get`: downloads a file of weights, where it is not on this machine yet.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cli::WeightsGetArgs;
use crate::model::import::{
    CATALOGUE, CatalogueEntry, WeightsFile, catalogue_entry, download, download_folder,
    find_in_folders,
};
use crate::report::ByteBar;
use crate::storage::{cache_folder, make_cache_folder, private_folder};
use crate::{console, say};

pub fn run(args: &WeightsGetArgs) -> anyhow::Result<u8> {
    let Some(entry) = catalogue_entry(&args.name) else {
        let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
        bail!(
            "there are no weights called {:?}\nhint: `kiln weights` lists them: {}",
            args.name,
            names.join(", ")
        );
    };
    let found = find_in_folders(entry.file);
    if let Some(path) = &found {
        if let Ok(digest) = WeightsFile::open(path).and_then(|file| file.digest())
            && entry.digest.is_of(&digest)
        {
            if !args.quiet {
                say!("{} is there already, and its SHA-256 is right", entry.file);
            }
            return report(entry, path, &digest, false, args.json);
        }
        say!(
            "warning: {} is not the file of that name that its publisher has: its SHA-256 is wrong; it is fetched",
            console::shown(path)
        );
    }
    let path = fetch(entry, args)?;
    let digest = WeightsFile::open(&path)?.digest()?;
    report(entry, &path, &digest, true, args.json)
}

fn report(
    entry: &CatalogueEntry,
    path: &Path,
    digest: &str,
    is_new: bool,
    json: bool,
) -> anyhow::Result<u8> {
    let mut out = console::out();
    if json {
        let path = console::json_path(path);
        let object =
            json!({"name": entry.name, "path": path, "sha256": digest, "downloaded": is_new});
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{}", console::shown(path))?;
    }
    Ok(0)
}

fn fetch(entry: &CatalogueEntry, args: &WeightsGetArgs) -> anyhow::Result<PathBuf> {
    let folder = make_folder()?;
    let mirror = || {
        let mirror = std::env::var("KILN_WEIGHTS_URL").ok();
        mirror.filter(|mirror| !mirror.is_empty())
    };
    let base = args.from.clone().or_else(mirror);
    let bar = ByteBar::new(entry.file, !args.quiet && std::io::stderr().is_terminal());
    let fetched = download(entry, base.as_deref(), &folder, &mut |done, total| {
        bar.set(done, total);
    });
    bar.end();
    fetched.with_context(|| match base {
        Some(_) => format!("{} was not fetched", entry.file),
        None => format!(
            "{} was not fetched (--from URL names a mirror, HTTPS_PROXY a proxy; a file that came another way belongs \
             into the folder that KILN_WEIGHTS names)",
            entry.file
        ),
    })
}

/// The folder into which files go.
fn make_folder() -> anyhow::Result<PathBuf> {
    let folder = download_folder();
    let outer = cache_folder();
    let made = match folder.starts_with(&outer) {
        true => make_cache_folder(&outer).and_then(|()| private_folder(&folder, true)),
        false => std::fs::create_dir_all(&folder), // the user's own
    };
    made.with_context(|| format!("cannot use the folder {}", console::shown(&folder)))?;
    Ok(folder)
}
