//! The run folder: everything that a run leaves behind.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::events::EpochRecord;
use crate::model::write_atomically;

/// A folder of its own for one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    history: File,
}

impl RunFolder {
    /// Creates `runs/<name>-<number>` in the working folder, with the next free number.
    ///
    /// # Errors
    /// A folder that cannot be created.
    pub fn create_next(name: &str) -> anyhow::Result<RunFolder> {
        let safe: String = name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let runs = Path::new("runs");
        std::fs::create_dir_all(runs)
            .with_context(|| format!("cannot create the folder {}", runs.display()))?;
        for number in 1.. {
            let path = runs.join(format!("{safe}-{number}"));
            match std::fs::create_dir(&path) {
                Ok(()) => return Self::open(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("cannot create the run folder {}", path.display())
                    });
                }
            }
        }
        unreachable!("numbers do not end")
    }

    /// Creates the folder that the user named; it may exist where it is empty.
    ///
    /// # Errors
    /// A folder that holds something, or that cannot be created.
    pub fn create(path: &Path) -> anyhow::Result<RunFolder> {
        if path.exists() {
            let mut entries = std::fs::read_dir(path)
                .with_context(|| format!("--out {} cannot be used", path.display()))?;
            if entries.next().is_some() {
                bail!(
                    "--out {} exists and is not empty; a run never overwrites another. Choose \
                     another folder, or remove this one",
                    path.display()
                );
            }
        }
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot create the run folder {}", path.display()))?;
        Self::open(path.to_path_buf())
    }

    fn open(path: PathBuf) -> anyhow::Result<RunFolder> {
        let file = path.join("history.jsonl");
        let history = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(RunFolder { path, history })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The weights of the best epoch.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// The weights of the last step.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Writes the resolved experiment.
    ///
    /// # Errors
    /// A full disk, a folder without permission.
    pub fn write_experiment(&self, toml: &str) -> anyhow::Result<()> {
        write_atomically(&self.path.join("experiment.toml"), toml.as_bytes())
    }

    /// Appends one line to `history.jsonl`.
    ///
    /// # Errors
    /// A full disk.
    pub fn append(&mut self, record: &EpochRecord) -> anyhow::Result<()> {
        let line = serde_json::to_string(record)? + "\n";
        self.history
            .write_all(line.as_bytes())
            .and_then(|()| self.history.sync_data())
            .with_context(|| format!("cannot write {}", self.path.join("history.jsonl").display()))
    }
}
