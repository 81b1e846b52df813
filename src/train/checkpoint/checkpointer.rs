//! Takes checkpoints and writes them in the background: training waits only for the copy. At most one is being written.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::snapshot::{Files, Snapshot};
use super::state::State;
use crate::config::Checkpoints;
use crate::model::ModelInfo;
use crate::storage::FaultPoint;
use crate::train::run::stepper::Stepper;

type Writing = JoinHandle<(Box<Snapshot>, anyhow::Result<()>)>;

/// Takes and writes checkpoints.
pub struct Checkpointer {
    when: Checkpoints,
    files: Files,
    fault: FaultPoint,
    /// The last copy, where it is not being written.
    idle: Option<Box<Snapshot>>,
    /// Or, at first, making room for it.
    writing: Option<Writing>,
    steps_since: usize,
    last: Instant,
}

impl Checkpointer {
    /// Nothing was taken yet. `keeps`: copies are kept in memory, to go back to. Room for what a stepper
    /// holds is made in the background, there or for the first file.
    ///
    /// # Errors
    /// A thread that the system refuses.
    pub fn new(
        when: Checkpoints,
        files: Files,
        fault: FaultPoint,
        stepper: &Stepper<'_>,
        keeps: bool,
    ) -> anyhow::Result<Checkpointer> {
        let lens = stepper
            .tensors()
            .map(|(_, shape, _)| shape.iter().product());
        let lens: Vec<usize> = lens.collect();
        let (last, counted) = (files.last.clone(), fault.counts_bytes());
        let room = move || {
            let snapshot = match (keeps, counted) {
                (true, _) => Snapshot::with_room(&lens),
                (false, false) => Snapshot::with_room_in(&last, &lens),
                (false, true) => Snapshot::default(),
            };
            (Box::new(snapshot), Ok(()))
        };
        Ok(Checkpointer {
            when,
            files,
            fault,
            idle: None,
            writing: Some(spawn(room)?),
            steps_since: 0,
            last: Instant::now(),
        })
    }

    /// A step was made: whether a checkpoint is due. While the last one is still being written none
    /// is.
    ///
    /// # Errors
    /// What the writing of the last one came to.
    pub fn is_due(&mut self) -> anyhow::Result<bool> {
        self.steps_since += 1;
        if let Some(writing) = &self.writing {
            if !writing.is_finished() {
                return Ok(false);
            }
            self.wait()?;
        }
        let by_steps = self.when.every_steps > 0 && self.steps_since >= self.when.every_steps;
        let minutes = self.last.elapsed().as_secs_f64() / 60.0;
        Ok(by_steps || self.when.every_minutes > 0.0 && minutes >= self.when.every_minutes)
    }

    /// Copies the state; waits for the checkpoint that is still being written, if any. Returns for
    /// how long training was held up.
    ///
    /// # Errors
    /// What the writing of the last one came to.
    pub fn take(
        &mut self,
        stepper: &Stepper<'_>,
        state: &State,
        info: &ModelInfo,
        best: bool,
    ) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        self.wait()?;
        let mut snapshot = self.idle.take().unwrap_or_default();
        let taken = snapshot.take(stepper, state, (info, best), &self.files, &self.fault);
        self.idle = Some(snapshot);
        taken?;
        self.steps_since = 0;
        self.last = Instant::now();
        Ok(begin.elapsed())
    }

    /// Writes what was taken, in the background.
    ///
    /// # Errors
    /// A thread that the system refuses.
    pub fn write(&mut self) -> anyhow::Result<()> {
        let Some(mut snapshot) = self.idle.take() else {
            return Ok(());
        };
        let (files, fault) = (self.files.clone(), self.fault.clone());
        let write = move || {
            let written = snapshot.write(&files, &fault);
            (snapshot, written)
        };
        self.writing = Some(spawn(write)?);
        Ok(())
    }

    /// Waits until the last checkpoint is written.
    ///
    /// # Errors
    /// A full disk, a folder that is gone or without permission.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        let Some(writing) = self.writing.take() else {
            return Ok(());
        };
        let ended = writing.join();
        let (snapshot, written) =
            ended.map_err(|_| anyhow!("the writer of checkpoints broke off"))?;
        self.idle = Some(snapshot);
        written
    }

    /// The last copy that was taken and kept; at least one must have been.
    ///
    /// # Errors
    /// What its writing came to.
    pub fn last_taken(&mut self) -> anyhow::Result<Option<&Snapshot>> {
        self.wait()?;
        Ok(self.idle.as_deref())
    }
}

fn spawn(
    work: impl FnOnce() -> (Box<Snapshot>, anyhow::Result<()>) + Send + 'static,
) -> anyhow::Result<Writing> {
    let thread = std::thread::Builder::new().name("checkpoint".into());
    thread.spawn(work).context("cannot start a thread")
}

impl Drop for Checkpointer {
    /// A run that ends with an error still finishes the checkpoint that was taken before it.
    fn drop(&mut self) {
        let _ = self.wait(); // the first error is the one to report
    }
}
