//! `kiln audit`

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;

use anyhow::bail;

use super::shared::{inputs_of, require_apart};
use crate::cli::AuditArgs;
use crate::console::{out, shown};
use crate::data::audit::Audit;
use crate::data::table::InspectedTable;
use crate::data::{ImageSurvey, Survey, load, read_source};
use crate::report::{DecodeBar, FILES, Sheet, audit, left_out};
use crate::storage::{require_writable, write_output};

/// Pairs on the sheet.
const SHEET_PAIRS: usize = 24;

pub fn run(args: &AuditArgs) -> anyhow::Result<u8> {
    let bar = DecodeBar::new(!args.json && stderr().is_terminal());
    if let Some(path) = &args.sheet {
        let mut inputs: Vec<_> = args.data.iter().cloned().collect();
        if let Some(config) = &args.config {
            inputs.extend(inputs_of(&load(config, &args.sets)?, config));
        }
        require_apart(path, &inputs)?;
        require_writable(path)?;
    }
    let num_images = if args.sheet.is_some() { SHEET_PAIRS } else { 0 };
    let found = match (&args.config, &args.data) {
        (Some(config), _) => from_experiment(config, &args.sets)?.audit(num_images, &bar),
        // Also the end of a pipe.
        (None, Some(table)) if table.exists() && !table.is_dir() => {
            let looked = InspectedTable::new(table).map_err(anyhow::Error::msg)?;
            for note in looked.notes() {
                crate::say!("note: {note}");
            }
            looked.audit().map_err(anyhow::Error::msg)?
        }
        (None, Some(folder)) => Box::new(from_folder(folder)?).audit(num_images, &bar),
        (None, None) => bail!(
            "which data? `kiln audit FOLDER`, `kiln audit TABLE.csv` or `kiln audit --config FILE`"
        ),
    };
    if let Some(path) = &args.sheet {
        write_sheet(&found, path)?;
    }
    let leaks = found.leaks().count() > 0 || found.table.as_ref().is_some_and(|t| t.is_leak());
    let mut out = out();
    if args.json {
        writeln!(out, "{}", audit::as_json(&found))?;
    } else {
        writeln!(out, "{}", audit::figures(&found))?;
        let findings = audit::findings(&found);
        for finding in &findings {
            writeln!(out, "{finding}\n")?;
        }
        if findings.is_empty() {
            writeln!(out, "no faults found")?;
        }
        if let Some(text) = left_out(&found.left_out, FILES) {
            writeln!(out, "{text}")?;
        }
    }
    let unclear = found.table.as_ref().is_some_and(|t| !t.unclear.is_empty());
    let (nothing, what) = match &found.table {
        Some(table) => (table.is_useless(), "column"),
        None => (
            found.splits.iter().all(|split| split.num_samples == 0),
            "image",
        ),
    };
    if nothing && !args.json {
        writeln!(out, "no {what} can be used")?;
    }
    Ok(u8::from(
        leaks || unclear || nothing || !found.unusable.is_empty(),
    ))
}

fn from_experiment(config: &Path, sets: &[String]) -> anyhow::Result<Box<dyn Survey>> {
    let source = load(config, sets)?;
    let experiment = &source.experiment;
    read_source(&experiment.data)
        .and_then(|data| data.survey(experiment.seed))
        .map_err(|faults| source.explain(&faults))
}

fn from_folder(folder: &Path) -> anyhow::Result<ImageSurvey> {
    ImageSurvey::of_folder(folder).map_err(|message| anyhow::anyhow!("{} {message}", shown(folder)))
}

/// Pairs side by side, as a PNG.
fn write_sheet(found: &Audit, path: &Path) -> anyhow::Result<()> {
    let images = found.pairs.iter().filter_map(|pair| pair.images.clone());
    let (ones, others): (Vec<_>, Vec<_>) = images.unzip();
    if ones.is_empty() {
        crate::say!("note: no pairs were found, so there is no sheet");
        return Ok(());
    }
    write_output(path, &Sheet::new(vec![&ones, &others]).png()?)
}
