//! The run folder: everything that a run leaves behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::history;
use super::state::State;
use crate::console::Show as _;
use crate::storage::{
    EXPERIMENT, HISTORY, LAST, LOCK, RUNS, Temporary, is_temporary, remove_temporaries_of,
    write_atomically,
};
use crate::train::run::events::EpochRecord;

/// A folder of its own for one run, locked against other processes.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    history: File,
    /// Of a run that has just begun: the folder goes where the program is ended before anything is saved.
    begun: Option<Temporary>,
    /// The system gives the lock back when the process ends, however it does.
    _lock: File,
}

impl RunFolder {
    /// Removes a folder in which nothing was trained, so that its name can be taken again.
    pub fn discard(self) {
        if let Some(begun) = self.begun {
            begun.remove();
        }
    }

    /// Creates `runs/<name>-<number>` in the working folder, with the next free number.
    ///
    /// # Errors
    /// A folder that cannot be created.
    pub fn create_next(name: &str) -> anyhow::Result<RunFolder> {
        let safe = file_name(name);
        let runs = Path::new(RUNS);
        std::fs::create_dir_all(runs)
            .with_context(|| format!("cannot create the folder {}", runs.shown()))?;
        for number in 1.. {
            let path = runs.join(format!("{safe}-{number}"));
            match std::fs::create_dir(&path) {
                Ok(()) => return Self::begin(path, false),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot create the run folder {}", path.shown()));
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
        let was_there = path.exists();
        if was_there {
            let mut entries = std::fs::read_dir(path)
                .with_context(|| format!("--out {} cannot be used", path.shown()))?;
            if entries.any(|entry| entry.is_ok_and(|entry| !is_left_over(&entry))) {
                bail!(
                    "--out {} exists and is not empty; a run never overwrites another. Choose \
                     another folder, or remove this one",
                    path.shown()
                );
            }
        }
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot create the run folder {}", path.shown()))?;
        Self::begin(path.to_path_buf(), was_there)
    }

    /// Takes up the folder of a run that was stopped.
    ///
    /// # Errors
    /// A folder that is no run's, or that another process is working in.
    pub fn reopen(path: &Path) -> anyhow::Result<RunFolder> {
        ensure!(
            path.is_dir(),
            "--resume {}: there is no such folder, expected the folder of a run (runs/NAME-NUMBER)",
            path.shown()
        );
        ensure!(
            path.join(EXPERIMENT).is_file(),
            "--resume {}: it holds no {EXPERIMENT}, so it is no run's folder, or its run was stopped \
             before it began; start that one again with --config",
            path.shown()
        );
        let folder = Self::open(path.to_path_buf())?;
        for file in [folder.last(), folder.best(), folder.experiment()] {
            remove_temporaries_of(&file); // there are some only after a kill
        }
        Ok(folder)
    }

    fn begin(path: PathBuf, was_there: bool) -> anyhow::Result<RunFolder> {
        remove_temporaries_of(&path.join(EXPERIMENT)); // of a run that was killed here
        let begun = Temporary::begun(&path, &[EXPERIMENT, HISTORY, LOCK], LAST, was_there);
        Ok(RunFolder {
            begun: Some(begun),
            ..Self::open(path)?
        })
    }

    fn open(path: PathBuf) -> anyhow::Result<RunFolder> {
        let lock = lock(&path)?;
        let file = path.join(HISTORY);
        let history = open_in_place(OpenOptions::new().create(true).append(true), &file)
            .with_context(|| format!("cannot write {}", file.shown()))?;
        Ok(RunFolder {
            path,
            history,
            begun: None,
            _lock: lock,
        })
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
        self.path.join(LAST)
    }

    /// The resolved experiment.
    pub fn experiment(&self) -> PathBuf {
        self.path.join(EXPERIMENT)
    }

    /// Writes the resolved experiment.
    ///
    /// # Errors
    /// A full disk, a folder without permission.
    pub fn write_experiment(&self, toml: &str) -> anyhow::Result<()> {
        write_atomically(&self.experiment(), toml.as_bytes())
    }

    /// Brings `history.jsonl` to what a checkpoint knows; see [`history::reconcile`].
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn reconcile(&mut self, records: &mut [EpochRecord]) -> anyhow::Result<Option<String>> {
        history::reconcile(&self.path.join(HISTORY), &mut self.history, records)
    }

    /// Takes up `history.jsonl` where a checkpoint stands that knows its digest. Where it is not that file, its lines are put
    /// aside and the history begins anew; the second value says so then.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn take_up(
        &mut self,
        state: &mut State,
    ) -> anyhow::Result<(Vec<EpochRecord>, Option<String>)> {
        let path = self.path.join(HISTORY);
        if let Some(records) = history::take_up(&path, &mut self.history, &state.past, state.epoch)?
        {
            return Ok((records, None));
        }
        let aside = history::set_aside(&path, &mut self.history)?;
        state.past.lose(state.epoch);
        let lines = aside.map_or(String::new(), |aside| {
            format!("its lines are now in {}, and ", aside.shown())
        });
        let warning = format!(
            "{} does not hold the {} epochs that the checkpoint was made after; {lines}the history begins behind them. \
             Parameters and optimizer state are those of the run",
            path.shown(),
            state.epoch,
        );
        Ok((Vec::new(), Some(warning)))
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
            .with_context(|| format!("cannot write {}", self.path.join(HISTORY).shown()))
    }
}

/// Bytes of an experiment's name that its run folders have; file systems take 255, with the number.
const MOST_BYTES: usize = 200;

/// An experiment's name as a part of a folder's: without what separates folders or is hard to type, nor too long.
fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let mut safe = String::new();
    for c in name.chars().map(|c| if plain(c) { c } else { '_' }) {
        if safe.len() + c.len_utf8() > MOST_BYTES {
            break;
        }
        safe.push(c);
    }
    // A name that begins with a dot hides the folder, one with a dash looks like a flag.
    if safe.starts_with(['.', '-']) || safe.is_empty() {
        safe.insert(0, '_');
    }
    safe
}

/// Whether a file is what a run that was killed before it began leaves behind.
fn is_left_over(entry: &std::fs::DirEntry) -> bool {
    let name = entry.file_name();
    let is_empty = || {
        entry
            .metadata()
            .is_ok_and(|data| data.is_file() && data.len() == 0)
    };
    let is_temporary = |name: &str| is_temporary(name, EXPERIMENT);
    name == LOCK || name.to_str().is_some_and(is_temporary) || name == HISTORY && is_empty()
}

/// Opens a file of the folder: a FIFO in its place does not hang the program, a link is not followed.
fn open_in_place(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW);
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is no regular file")),
    }
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    let file = open_in_place(options.create(true).truncate(false).write(true), &path)
        .with_context(|| format!("cannot write {}", path.shown()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another process is training in {}; wait until it has ended, or stop it",
            folder.shown()
        ),
        // Some network file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.shown()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s_and_free_when_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let first = RunFolder::create(&path).expect("a new folder");
        first.write_experiment("name = \"a\"\n").expect("written");
        let error = RunFolder::reopen(&path).expect_err("locked");
        assert!(error.to_string().contains("another process"), "{error}");
        drop(first);
        RunFolder::reopen(&path).expect("free again");
        RunFolder::create(&path).expect_err("not empty");
    }

    #[test]
    fn every_name_gives_a_folder() {
        assert_eq!(file_name("cats & dogs/2.1"), "cats___dogs_2.1");
        assert_eq!(
            [file_name(""), file_name(".."), file_name("-x")],
            ["_", "_..", "_-x"]
        );
        assert_eq!(file_name(&"ü".repeat(300)), "ü".repeat(100));
        assert_eq!(file_name("a\nb\tc\"d"), "a_b_c_d");
    }

    #[test]
    fn a_run_that_was_killed_before_it_began_leaves_an_empty_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(RunFolder::open(folder.path().to_path_buf()).expect("a folder"));
        std::fs::write(folder.path().join(".experiment.toml.tmp"), "na").expect("written");
        drop(RunFolder::create(folder.path()).expect("as good as empty"));
        std::fs::write(folder.path().join("history.jsonl"), "{}\n").expect("written");
        RunFolder::create(folder.path()).expect_err("not empty");
    }
}
