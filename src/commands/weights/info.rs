//! `kiln weights info`: what a file of weights holds.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::WeightsInfoArgs;
use crate::console;
use crate::model::import::{CATALOGUE, ImportError, WeightsFile, digest_of_values, find_weights};
use crate::report::{grouped, tables};

pub fn run(args: &WeightsInfoArgs) -> anyhow::Result<u8> {
    let file = WeightsFile::open(&locate(&args.file))?;
    let digest = file.digest()?;
    let known = CATALOGUE.iter().find(|entry| entry.digest.is_of(&digest));
    let mut out = console::out();
    if args.json {
        let tensors = file.tensors().iter().map(|tensor| {
            let mut object =
                json!({"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype.name()});
            if args.digests {
                object["values_sha256"] = digest_of_values(&file.read(&tensor.name)?).into();
            }
            Ok(object)
        });
        let tensors: Result<Vec<_>, ImportError> = tensors.collect();
        let unreadable = file.unreadable().iter();
        let unreadable: BTreeMap<_, _> = unreadable
            .map(|(name, why)| (name, why.to_string()))
            .collect();
        let object = json!({
            "path": console::json_path(file.path()),
            "format": file.format().name(),
            "sha256": digest,
            "known_as": known.map(|entry| entry.name),
            "section": file.section(),
            "prefix": file.prefix(),
            "tensors": tensors?,
            "unreadable": unreadable,
        });
        writeln!(out, "{object}")?;
        return Ok(0);
    }
    writeln!(
        out,
        "{}: {}",
        console::shown(file.path()),
        file.format().name()
    )?;
    writeln!(out, "SHA-256 {digest}")?;
    if let Some(entry) = known {
        writeln!(
            out,
            "known as {}: {}, {}",
            entry.name, entry.backbone, entry.licence
        )?;
    }
    if let Some(section) = file.section() {
        writeln!(out, "the tensors lie under the key {section}")?;
    }
    if !file.prefix().is_empty() {
        writeln!(out, "the prefix {} of all names is left out", file.prefix())?;
    }
    let heads = ["tensor", "shape", "type", "values' sha-256"];
    let heads = &heads[..if args.digests { 4 } else { 3 }];
    let mut table = tables::table(heads, &[]);
    let mut total = 0;
    for tensor in file.tensors() {
        total += tensor.shape.iter().product::<usize>() as u64;
        let shape = format!("{:?}", tensor.shape);
        let mut row = vec![tensor.name.clone(), shape, tensor.dtype.name().into()];
        if args.digests {
            row.push(digest_of_values(&file.read(&tensor.name)?));
        }
        table.add_row(row);
    }
    writeln!(out, "\n{}", tables::print(&table))?;
    writeln!(
        out,
        "{} tensors, {} values",
        file.tensors().len(),
        grouped(total)
    )?;
    for (name, why) in file.unreadable() {
        writeln!(out, "not read: {name} {why}")?;
    }
    Ok(0)
}

/// The file at that path, or of that name in a folder of weights.
fn locate(file: &Path) -> PathBuf {
    let named = file.to_str().filter(|_| !file.exists());
    let found = named.and_then(|name| find_weights(name, Path::new("")).ok());
    found.unwrap_or_else(|| file.to_path_buf())
}
