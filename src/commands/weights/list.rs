//! `kiln weights`: the files of weights there are, and which of them are on this machine.

use std::io::Write;

use serde_json::{Value, json};

use crate::console;
use crate::model::import::{
    CATALOGUE, CatalogueEntry, KnownDigest, find_in_folders, weights_folders,
};
use crate::report::{bytes, tables};

/// Digits of a digest that the table shows.
const DIGITS: usize = 12;

pub fn run(json: bool) -> anyhow::Result<u8> {
    let mut out = console::out();
    if json {
        for entry in CATALOGUE {
            writeln!(out, "{}", object(entry))?;
        }
        return Ok(0);
    }
    let heads = [
        "name",
        "file",
        "size",
        "sha-256",
        "licence",
        "on this machine",
    ];
    let mut table = tables::table(&heads, &[2]);
    for entry in CATALOGUE {
        let path = find_in_folders(entry.file);
        table.add_row([
            entry.name.to_string(),
            entry.file.to_string(),
            size(entry),
            digest(entry.digest),
            entry.licence.to_string(),
            path.map_or("-".into(), |path| console::shown(&path).to_string()),
        ]);
    }
    writeln!(out, "{}", tables::print(&table))?;
    for entry in CATALOGUE {
        if let KnownDigest::Full(digits) = entry.digest {
            writeln!(out, "SHA-256 of {}: {digits}", entry.name)?;
        }
    }
    writeln!(out, "\n{}", origins())?;
    writeln!(out, "Searched:")?;
    for folder in weights_folders() {
        let path = folder.path();
        let missing = if path.is_dir() { "" } else { " (not there)" };
        writeln!(out, "  {}{missing}", console::shown(path))?;
    }
    writeln!(
        out,
        "`kiln weights get NAME` downloads one; nothing else does."
    )?;
    Ok(0)
}

fn size(entry: &CatalogueEntry) -> String {
    match entry.digest {
        KnownDigest::Full(_) => bytes(entry.bytes),
        KnownDigest::Start(_) => format!("~{}", bytes(entry.bytes)),
    }
}

fn digest(known: KnownDigest) -> String {
    match known {
        KnownDigest::Full(digits) => format!("{}...", &digits[..DIGITS]),
        KnownDigest::Start(digits) => format!("{digits} (from its name)"),
    }
}

/// Where the files come from: those of one folder together.
fn origins() -> String {
    let mut text = String::from("From:\n");
    let folder = |entry: &CatalogueEntry| {
        let url = entry.origin.url;
        url[..=url.rfind('/').unwrap_or(url.len() - 1)].to_string()
    };
    let mut rest: Vec<&CatalogueEntry> = CATALOGUE.iter().collect();
    while let Some(first) = rest.first().copied() {
        let (same, others): (Vec<&CatalogueEntry>, Vec<_>) = rest.into_iter().partition(|entry| {
            folder(entry) == folder(first) && entry.origin.tried == first.origin.tried
        });
        let names: Vec<&str> = same.iter().map(|entry| entry.name).collect();
        let tried = match first.origin.tried {
            true => "tried",
            false => "never tried by the authors of this program",
        };
        text += &format!("  {} ({tried}): {}\n", folder(first), names.join(", "));
        rest = others;
    }
    text + "Licences are those of the publishers. ImageNet's own terms allow research and education; whether that binds \
            weights trained on it is for you to judge.\n"
}

fn object(entry: &CatalogueEntry) -> Value {
    let preprocess = &entry.preprocess;
    let (member, archive) = entry.origin.archive.unzip();
    let digest = match entry.digest {
        KnownDigest::Full(digits) => json!({"sha256": digits}),
        KnownDigest::Start(digits) => json!({"sha256_start": digits}),
    };
    let mut object = json!({
        "name": entry.name,
        "backbone": entry.backbone,
        "file": entry.file,
        "bytes": entry.bytes,
        "bytes_exact": matches!(entry.digest, KnownDigest::Full(_)),
        "licence": entry.licence,
        "url": entry.origin.url,
        "archive_member": member,
        "archive_sha256": archive,
        "url_tried": entry.origin.tried,
        "path": find_in_folders(entry.file).map(|path| console::json_path(&path)),
        "preprocess": {
            "resize": preprocess.resize,
            "crop": preprocess.crop,
            "filter": preprocess.filter,
            "mean": preprocess.mean,
            "std": preprocess.std,
        },
    });
    if let (Some(object), Value::Object(digest)) = (object.as_object_mut(), digest) {
        object.extend(digest);
    }
    object
}
