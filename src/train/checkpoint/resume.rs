//! Resumes a run: reads its checkpoint, checks it against the experiment, and loads it into the stepper.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::run_folder::RunFolder;
use super::snapshot::older;
use super::state::State;
use crate::console::Show as _;
use crate::model::{
    AVERAGES, KEY, ModelInfo, Network, Outgoing, Stored, decode_tensors, ensure_finite, read_model,
    split_name, write_tensors,
};
use crate::storage::{FaultPoint, StagedFile};
use crate::train::run::events::EpochRecord;
use crate::train::run::stepper::Stepper;
use crate::train::run::stepper_tensors::slot_name;

/// A checkpoint, read.
pub struct Checkpoint {
    /// The metadata of the model file.
    pub info: ModelInfo,
    /// The same, letter for letter.
    text: String,
    /// Where the run stood.
    pub state: State,
    /// Of an older program: the history.
    pub records: Option<Vec<EpochRecord>>,
    tensors: BTreeMap<String, Stored>,
}

/// Older checkpoints that are looked for where the last is missing.
const MOST_OLDER: usize = 100;

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// A file that is missing, damaged, no checkpoint, or of another version.
    pub fn open(path: &Path) -> anyhow::Result<Checkpoint> {
        let bytes = read_model(path).with_context(|| format!("cannot read {}", path.shown()))?;
        Self::parse(&bytes)
            .with_context(|| format!("{} is not a checkpoint that can be used", path.shown()))
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Checkpoint> {
        let (info, state) = ModelInfo::read(bytes)?;
        let state = state.context(
            "it is a model, but no checkpoint (an older kiln wrote it, or it is a best.safetensors)",
        )?;
        let (state, records) = State::read(&state)?;
        let tensors = decode_tensors(bytes)?;
        for (name, (_, values)) in &tensors {
            let is_state = split_name(name)
                .0
                .is_some_and(|what| !AVERAGES.contains(&what));
            // The optimizer's state may have run out of range where the weights are still sound.
            if !is_state || values.iter().any(|value| value.is_nan()) {
                ensure_finite(name, values)?;
            }
        }
        Ok(Checkpoint {
            info,
            text: ModelInfo::text(bytes)?,
            state,
            records,
            tensors,
        })
    }

    /// The last checkpoint of a folder, or an older one where it cannot be used, with a warning then;
    /// `None` where the run was stopped before its first.
    ///
    /// # Errors
    /// Checkpoints, none of which can be used.
    pub fn latest(folder: &RunFolder) -> anyhow::Result<Option<(Checkpoint, Option<String>)>> {
        let olders = (1..=MOST_OLDER).map(|number| older(&folder.last(), number));
        let paths: Vec<PathBuf> = std::iter::once(folder.last()).chain(olders).collect();
        let mut first_error = None;
        for path in paths.iter().filter(|path| path.exists()) {
            match Self::open(path) {
                Ok(checkpoint) => {
                    let warning = first_error.map(|error: anyhow::Error| {
                        format!("{error:#}; going on from {}", path.shown())
                    });
                    return Ok(Some((checkpoint, warning)));
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    /// The names of the optimizer's state, in order.
    pub fn slots(&self) -> Vec<&str> {
        let mut slots: Vec<&str> = self
            .tensors
            .keys()
            .filter_map(|name| split_name(name).0)
            .filter(|slot| !AVERAGES.contains(slot))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Makes `best.safetensors` where a kill came between the checkpoint of the best epoch and it:
    /// its weights are those of the checkpoint.
    ///
    /// # Errors
    /// A full disk.
    pub fn complete_best(&self, folder: &RunFolder, network: &Network) -> anyhow::Result<()> {
        let is_best = self.state.batch == 0 && self.state.best_epoch == Some(self.state.epoch);
        if !is_best || best_epoch(&folder.best()) == self.state.best_epoch {
            return Ok(());
        }
        // In the order in which training writes them.
        let names: Vec<String> = network.params().map(|(name, _)| name).collect();
        let stored = names.iter().filter_map(|name| {
            let averages = AVERAGES.iter().map(|average| slot_name(average, name));
            let mut averages = averages.filter_map(|name| self.tensors.get(&name));
            let (shape, values) = averages.next().or_else(|| self.tensors.get(name))?;
            Some(Outgoing {
                name,
                shape,
                values,
            })
        });
        let tensors: Vec<Outgoing<'_>> = stored.collect();
        let fault = FaultPoint::default();
        StagedFile::write(&folder.best(), &fault, |out| {
            write_tensors(out, &[(KEY, &self.text)], &tensors)
        })?
        .commit(&fault)
    }

    /// Puts the checkpoint into a stepper.
    ///
    /// # Errors
    /// A tensor that is missing, of another shape, or of no use.
    pub fn load_into(mut self, stepper: &mut Stepper<'_>) -> anyhow::Result<State> {
        stepper.set_counters(self.state.counters.clone());
        stepper.restore(|name, shape| {
            let (found, values) = self
                .tensors
                .remove(name)
                .with_context(|| format!("the checkpoint holds no tensor {name}"))?;
            ensure!(
                found == shape,
                "the checkpoint's tensor {name} has the shape {found:?}, expected {shape:?}"
            );
            Ok(values)
        })?;
        if let Some(extra) = self.tensors.keys().next() {
            bail!("the checkpoint's tensor {extra} belongs to nothing");
        }
        Ok(self.state)
    }
}

/// The epoch whose weights a best model holds.
fn best_epoch(path: &Path) -> Option<usize> {
    let (info, _) = ModelInfo::read(&read_model(path).ok()?).ok()?;
    Some(info.metrics.get("epoch")?.as_u64()? as usize)
}
