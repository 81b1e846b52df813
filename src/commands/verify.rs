//! `kiln train --verify N`: whether a run that is stopped and resumed ends with the same bits as one
//! that is not, with this experiment on this machine.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::prepare::prepare;
use crate::cli::TrainArgs;
use crate::console;
use crate::console::shown;
use crate::data::Silent;
use crate::device::Chosen;
use crate::model::Compute;
use crate::report::Several;
use crate::storage::{FaultPoint, Temporary, random_name};
use crate::train::{Checkpoint, Plan, RunFolder, StopFlag};
use crate::train::{Prepared, Start};

pub fn run(
    mut plan: Plan,
    device: Chosen,
    compute: Compute,
    steps: u32,
    stop: &StopFlag,
    args: &TrainArgs,
) -> anyhow::Result<u8> {
    let steps = steps as usize;
    // It is the steps that count.
    plan.source.experiment.train.epochs = u32::MAX as usize;
    let prepared = prepare(plan, device, compute, args.quiet, args.no_audit)?;
    let folder = TemporaryFolder::new()?;
    let half = steps / 2;
    let straight = digest_after(&prepared, &folder.0.join("straight"), steps, stop)?;
    let resumed = folder.0.join("resumed");
    digest_after(&prepared, &resumed, half, stop)?;
    let resumed = digest_after(&prepared, &resumed, steps - half, stop)?;
    if stop.is_set() {
        return Ok(stop.exit_code().unwrap_or(1));
    }
    let same = straight == resumed;
    let mut out = console::out();
    if args.json {
        let object = json!({
            "steps": steps, "resumed_after": half, "straight": straight, "resumed": resumed, "same": same,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{straight}  {steps} steps")?;
        writeln!(
            out,
            "{resumed}  {half} steps, a checkpoint, resumed, {} steps",
            steps - half
        )?;
        let verdict = if same { "the same bits" } else { "other bits" };
        writeln!(out, "{verdict}, of parameters and optimizer state")?;
    }
    Ok(u8::from(!same))
}

/// Trains on in a folder, from its checkpoint if it has one; a digest of where that ends.
fn digest_after(
    prepared: &Prepared,
    path: &Path,
    steps: usize,
    stop: &StopFlag,
) -> anyhow::Result<String> {
    let (folder, checkpoint) = if path.exists() {
        let folder = RunFolder::reopen(path)?;
        let checkpoint = Checkpoint::latest(&folder)?.map(|(checkpoint, _)| checkpoint);
        (folder, checkpoint)
    } else {
        let folder = RunFolder::create(path)?;
        folder.write_experiment("")?;
        (folder, None)
    };
    let start = Start {
        folder,
        checkpoint,
        fresh_rate: false,
        fault: FaultPoint::default(),
        max_steps: Some(steps),
    };
    let run = prepared.run(start, &Silent)?;
    let (_, run) = run.fit(&mut Several(Vec::new()), stop)?;
    Ok(run.stepper.digest())
}

/// A temporary folder.
struct TemporaryFolder(PathBuf, #[expect(dead_code, reason = "held")] Temporary);

impl TemporaryFolder {
    fn new() -> anyhow::Result<TemporaryFolder> {
        let path = std::env::temp_dir().join(random_name("kiln-verify-"));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700); // a model knows its data
        let guard = Temporary::folder(&path, || builder.create(&path))
            .with_context(|| format!("cannot create the folder {}", shown(&path)))?;
        Ok(TemporaryFolder(path, guard))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // it lies where the system clears up
    }
}
