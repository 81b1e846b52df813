//! A copy of a run's state, and how it is written: the checkpoint `last.safetensors` and, after the best epoch, the model
//! `best.safetensors`.
//!
//! The copy is written straight to the new file beside the old one, that is, to the page cache, so the memory of the
//! process does not grow. Only if training may have to roll back (`on_non_finite = "back_off"`) a copy is kept in memory
//! as well.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::state::State;
use crate::device::{all_on_host, copy_to_host, on_host};
use crate::model::{
    CHECKPOINT_KEY, Head, KEY, ModelInfo, Outgoing, digest_values, without_average, write_header,
    write_tensors, write_values,
};
use crate::storage::{FaultPoint, StagedFile, failure, open_regular};
use crate::train::run::stepper::Stepper;

/// A copy of everything that a run's future depends on. Its memory is used again by the next one.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Where the run stood.
    pub state: State,
    info: String,
    /// Parameters first; without values where none are kept.
    tensors: Vec<Copied>,
    num_params: usize,
    /// Whether their average lies behind them, which is what is shown.
    averaged: bool,
    best: bool,
    /// Whether the values are kept in memory.
    keeps: bool,
    /// The file that the values went into, where they are not kept.
    put: Option<StagedFile>,
    /// Whether it went there in parts at once.
    in_parts: bool,
    /// Room for the next such file.
    room: Option<StagedFile>,
}

#[derive(Debug, Default)]
struct Copied {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
    /// Of the values, where they are not kept.
    digest: u128,
}

impl Copied {
    fn num_bytes(&self) -> u64 {
        (self.shape.iter().product::<usize>() * size_of::<f32>()) as u64
    }

    fn outgoing(&self) -> Outgoing<'_> {
        Outgoing {
            name: &self.name,
            shape: &self.shape,
            values: &self.values,
        }
    }
}

/// Where checkpoints lie.
#[derive(Clone, Debug)]
pub struct Files {
    /// The checkpoint.
    pub last: PathBuf,
    /// The model of the best epoch.
    pub best: PathBuf,
    /// Older checkpoints that are kept.
    pub keep: usize,
}

impl Snapshot {
    /// Room for values of these numbers. Memory that is touched for the first time takes ten times as
    /// long as copying into it: here that happens before anybody waits for it.
    pub fn with_room(lens: &[usize]) -> Snapshot {
        let copied = lens.iter().map(|&len| Copied {
            values: vec![1.0; len], // zeros would be left to the system, untouched
            ..Copied::default()
        });
        Snapshot {
            tensors: copied.collect(),
            keeps: true,
            ..Snapshot::default()
        }
    }

    /// Room for values of these numbers in the file that comes first.
    pub fn with_room_in(last: &Path, lens: &[usize]) -> Snapshot {
        let bytes = lens.iter().sum::<usize>() * size_of::<f32>();
        Snapshot {
            room: StagedFile::room(last, bytes as u64).ok(), // without it, it takes longer
            ..Snapshot::default()
        }
    }

    /// Takes the place of an older copy. `best`: the epoch that has just ended is the best so far.
    ///
    /// # Errors
    /// Metadata that is no JSON; a full disk, a folder that is gone or without permission.
    pub fn take(
        &mut self,
        stepper: &Stepper<'_>,
        state: &State,
        (info, best): (&ModelInfo, bool),
        files: &Files,
        fault: &FaultPoint,
    ) -> anyhow::Result<()> {
        self.state.clone_from(state);
        self.state.counters = stepper.counters().clone();
        self.info = serde_json::to_string(info)?;
        self.num_params = stepper.params.params.len();
        self.averaged = stepper.has_average();
        self.best = best;
        self.tensors.truncate(stepper.tensors().count());
        for (index, (name, shape, tensor)) in stepper.tensors().enumerate() {
            if index == self.tensors.len() {
                self.tensors.push(Copied::default());
            }
            let copied = &mut self.tensors[index];
            copied.name = name;
            copied.shape = shape.to_vec();
            if self.keeps {
                copy_to_host(tensor, &mut copied.values);
            }
        }
        if !self.keeps {
            let state = serde_json::to_string(&self.state)?;
            let metadata = [(KEY, &*self.info), (CHECKPOINT_KEY, &*state)];
            let tensors: Vec<&Tensor<1>> = stepper.tensors().map(|(_, _, t)| t).collect();
            let room = self.room.take();
            let copies = &mut self.tensors;
            let put = if fault.counts_bytes() || cfg!(target_endian = "big") {
                None // in one piece, byte after byte
            } else {
                all_on_host(&tensors, |values| {
                    take_digests(copies, values);
                    let mut head = Vec::new();
                    write_header(&mut head, &metadata, heads(copies))?;
                    let parts: Vec<&[u8]> =
                        values.iter().map(|v| bytemuck::cast_slice(v)).collect();
                    StagedFile::put_parts(&files.last, room, &head, &parts)
                })
            };
            self.in_parts = put.is_some();
            let put = match put {
                Some(put) => put?,
                // The sum, which comes first, is of all values: from a GPU they are fetched once, for both.
                None => {
                    let values = tensors
                        .iter()
                        .map(|tensor| on_host(tensor, <[f32]>::to_vec));
                    let values: Vec<Vec<f32>> = values.collect();
                    let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
                    take_digests(copies, &values);
                    StagedFile::put(&files.last, fault, |out| {
                        write_header(out, &metadata, heads(copies))?;
                        values
                            .iter()
                            .try_for_each(|values| write_values(out, values))
                    })?
                }
            };
            self.put = Some(put);
        }
        Ok(())
    }

    /// Puts the stepper back to where it was.
    ///
    /// # Errors
    /// A stepper of another net.
    pub fn restore(&self, stepper: &mut Stepper<'_>) -> anyhow::Result<()> {
        stepper.set_counters(self.state.counters.clone());
        let mut copies = self.tensors.iter();
        stepper.restore(|name, _| {
            let copied = copies.next().filter(|copied| copied.name == name);
            Ok(copied.context("another net")?.values.clone())
        })
    }

    /// Writes the checkpoint, then the best model: a kill between the two leaves a checkpoint that
    /// holds the best model's weights, from which resuming makes it again.
    ///
    /// # Errors
    /// A full disk, a folder that is gone or without permission; the older files stay.
    pub fn write(&mut self, files: &Files, fault: &FaultPoint) -> anyhow::Result<()> {
        let last = match self.put.take() {
            Some(put) => {
                put.sync()?;
                put
            }
            None => {
                let state = serde_json::to_string(&self.state)?;
                let metadata = [(KEY, &*self.info), (CHECKPOINT_KEY, &*state)];
                let tensors: Vec<Outgoing<'_>> =
                    self.tensors.iter().map(Copied::outgoing).collect();
                StagedFile::write(&files.last, fault, |out| {
                    write_tensors(out, &metadata, &tensors)
                })?
            }
        };
        keep_older(files)?;
        last.commit(fault)?;
        if self.best {
            let metadata = [(KEY, &*self.info)];
            let best = if self.keeps {
                StagedFile::write(&files.best, fault, |out| {
                    write_tensors(out, &metadata, &self.shown())
                })?
            } else {
                self.copy_best(files, &metadata, fault)?
            };
            best.commit(fault)?;
        }
        if self.in_parts {
            let len = std::fs::metadata(&files.last).map_or(0, |file| file.len());
            self.room = StagedFile::room(&files.last, len).ok(); // without it, it takes longer
        }
        Ok(())
    }

    /// The parameters that are shown: the average of each where there is one, and the parameter itself where it is
    /// frozen. Averages lie behind the parameters, in their order.
    fn shown_copies(&self) -> Vec<&Copied> {
        let (params, behind) = self.tensors.split_at(self.num_params);
        let mut averages = behind.iter().filter(|_| self.averaged).peekable();
        let shown = params.iter().map(|param| {
            let own = |average: &&Copied| without_average(&average.name) == param.name;
            averages.next_if(own).unwrap_or(param)
        });
        shown.collect()
    }

    /// The parameters that are shown, by their names in a model.
    fn shown(&self) -> Vec<Outgoing<'_>> {
        let shown = self.shown_copies().into_iter();
        let named = shown.map(|copied| Outgoing {
            name: without_average(&copied.name),
            ..copied.outgoing()
        });
        named.collect()
    }

    /// Copies the parameters that are shown from the checkpoint.
    fn copy_best(
        &self,
        files: &Files,
        metadata: &[(&str, &str)],
        fault: &FaultPoint,
    ) -> anyhow::Result<StagedFile> {
        let mut last = open_regular(&files.last).with_context(|| failure(&files.best))?;
        let params = self.shown_copies();
        let heads = params.iter().map(|&param| Head {
            name: without_average(&param.name),
            shape: &param.shape,
            digest: param.digest,
        });
        StagedFile::write(&files.best, fault, |out| {
            write_header(out, metadata, heads)?;
            let mut header = [0; 8];
            last.read_exact(&mut header)?;
            let begin = header.len() as u64 + u64::from_le_bytes(header);
            for copied in &params {
                let before = self.tensors.iter().take_while(|it| it.name != copied.name);
                let before: u64 = before.map(Copied::num_bytes).sum();
                last.seek(SeekFrom::Start(begin + before))?;
                std::io::copy(&mut (&mut last).take(copied.num_bytes()), out)?;
            }
            Ok(())
        })
    }
}

fn take_digests(copies: &mut [Copied], values: &[&[f32]]) {
    let digests = values.par_iter().map(|values| digest_values(values));
    let digests: Vec<u128> = digests.collect();
    for (copied, digest) in copies.iter_mut().zip(digests) {
        copied.digest = digest;
    }
}

fn heads(copies: &[Copied]) -> impl Iterator<Item = Head<'_>> {
    copies.iter().map(|copied| Head {
        name: &copied.name,
        shape: &copied.shape,
        digest: copied.digest,
    })
}

/// The name of the checkpoint before the last, the one before that, ...
pub fn older(last: &Path, number: usize) -> PathBuf {
    last.with_file_name(format!("last-{number}.safetensors"))
}

/// Whether a name is taken, be it by a link to nothing.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Gives the last checkpoint a second name, so that it stays when it is replaced; the oldest goes.
/// At no moment is there no `last`.
fn keep_older(files: &Files) -> anyhow::Result<()> {
    if files.keep == 0 || !files.last.exists() {
        return Ok(());
    }
    let name = |number| older(&files.last, number);
    for number in (1..files.keep).rev() {
        if is_there(&name(number)) {
            std::fs::rename(name(number), name(number + 1))
                .with_context(|| failure(&name(number)))?;
        }
    }
    let first = name(1);
    if is_there(&first) {
        std::fs::remove_file(&first).with_context(|| failure(&first))?;
    }
    // Where the file system has no second names, copying costs time but loses nothing.
    std::fs::hard_link(&files.last, &first)
        .or_else(|_| std::fs::copy(&files.last, &first).map(|_| ()))
        .with_context(|| failure(&first))
}
