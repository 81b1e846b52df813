//! Names of temporary files, and the list of files to remove when the program is killed by a signal.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is there for a while only.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// A file.
    File(PathBuf),
    /// A folder with all that is in it.
    Folder(PathBuf),
    /// A folder of which the files of these names go, and it where it is empty then; all of it stays
    /// where the file `unless` is there.
    Begun {
        folder: PathBuf,
        names: Vec<String>,
        unless: String,
        /// Whether the folder was there before: then it stays.
        keep: bool,
    },
}

impl Entry {
    fn remove(&self) {
        // What cannot be removed stays; the error cannot be reported any more.
        match self {
            Entry::File(path) => drop(std::fs::remove_file(path)),
            Entry::Folder(path) => remove_folder(path),
            Entry::Begun {
                folder,
                names,
                unless,
                keep,
            } => {
                if folder.join(unless).exists() {
                    return;
                }
                for name in names {
                    let _ = std::fs::remove_file(folder.join(name));
                    remove_temporaries_of(&folder.join(name));
                }
                if *keep {
                    return;
                }
                let _ = std::fs::remove_dir(folder);
                if let Some(parent) = folder
                    .parent()
                    .filter(|parent| parent.ends_with(super::RUNS))
                {
                    let _ = std::fs::remove_dir(parent); // where this was its only run
                }
            }
        }
    }
}

/// Removes a folder into which other threads may still write: under another name they do not find it.
fn remove_folder(path: &Path) {
    for _ in 0..3 {
        let Some(moved) = temporary_name(path) else {
            return;
        };
        match std::fs::rename(path, &moved) {
            Ok(()) => drop(std::fs::remove_dir_all(&moved)),
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(_) => drop(std::fs::remove_dir_all(path)),
        }
    }
}

/// A signal ends the process from a thread of its own, which knows nothing of the others' variables: so
/// this list is the process's.
static LIVE: Mutex<Vec<(u64, Entry)>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<(u64, Entry)>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that is removed where the program is ended by a signal while this is held.
#[derive(Debug)]
pub struct Temporary(u64);

impl Temporary {
    fn register(entry: Entry) -> Temporary {
        let number = random();
        live().push((number, entry));
        Temporary(number)
    }

    /// Makes a file with `make`, unless the program is being ended; the file is removed when it is.
    ///
    /// # Errors
    /// The error of `make`.
    pub fn file<T>(
        path: &Path,
        make: impl FnOnce() -> std::io::Result<T>,
    ) -> std::io::Result<(T, Temporary)> {
        Self::make(Entry::File(path.to_path_buf()), make)
    }

    fn make<T>(
        entry: Entry,
        make: impl FnOnce() -> std::io::Result<T>,
    ) -> std::io::Result<(T, Temporary)> {
        // Under the lock: a file is either on the list, or not made any more.
        let mut live = live();
        let made = make()?;
        let number = random();
        live.push((number, entry));
        Ok((made, Temporary(number)))
    }

    /// Makes a folder with `make`, unless the program is being ended; all of it is removed when it is.
    ///
    /// # Errors
    /// The error of `make`.
    pub fn folder(
        path: &Path,
        make: impl FnOnce() -> std::io::Result<()>,
    ) -> std::io::Result<Temporary> {
        Self::make(Entry::Folder(path.to_path_buf()), make).map(|((), guard)| guard)
    }

    /// A folder in which work has begun: files of these `names` are removed, and the folder where
    /// nothing else is in it and it was not there before (`keep`); all stays where there is a file `unless`.
    pub fn begun(folder: &Path, names: &[&str], unless: &str, keep: bool) -> Temporary {
        Self::register(Entry::Begun {
            folder: folder.to_path_buf(),
            names: names.iter().map(ToString::to_string).collect(),
            unless: unless.to_string(),
            keep,
        })
    }

    /// Removes it now.
    pub fn remove(self) {
        let entry = live().iter().find(|(n, _)| *n == self.0).cloned();
        if let Some((_, entry)) = entry {
            entry.remove();
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        live().retain(|(number, _)| *number != self.0);
    }
}

/// Removes what is temporary and ends the process at once, whatever its other threads do.
pub fn end_program(exit_code: u8) -> ! {
    let live = live(); // held to the end, so that nothing new is made
    live.iter().rev().for_each(|(_, entry)| entry.remove());
    #[cfg(unix)]
    // SAFETY: ends the process; handlers of its exit are left out, as other threads still run.
    unsafe {
        libc::_exit(i32::from(exit_code))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(exit_code))
}

/// An unguessable number.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// `prefix` with 16 digits that cannot be guessed.
pub fn random_name(prefix: &str) -> String {
    format!("{prefix}{:016x}", random())
}

/// A name beside `path` under which it is written first.
pub fn temporary_name(path: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    // Names have at most 255 bytes, and this one gets 22 more.
    let own = path.file_name()?;
    match own.len() {
        0..=220 => name.push(own),
        _ => name.push("long"),
    }
    name.push(format!(".{:016x}.tmp", random()));
    Some(path.with_file_name(name))
}

/// Whether `name` is that of a temporary file for a file `of`; also as older versions named them.
pub fn is_temporary(name: &str, of: &str) -> bool {
    let rest = name
        .strip_prefix('.')
        .and_then(|rest| rest.strip_prefix(of));
    let Some(middle) = rest.and_then(|rest| rest.strip_suffix(".tmp")) else {
        return false;
    };
    middle.is_empty()
        || middle.strip_prefix('.').is_some_and(|digits| {
            digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

/// Removes what a run that was killed left beside `path`.
pub fn remove_temporaries_of(path: &Path) {
    let (Some(folder), Some(of)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return;
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| is_temporary(name, of))
        {
            let _ = std::fs::remove_file(entry.path()); // it is only in the way
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_new_each_time_and_known_again() {
        let path = Path::new("run/last.safetensors");
        let names = [temporary_name(path), temporary_name(path)].map(|name| {
            let name = name.expect("a name");
            assert_eq!(name.parent(), path.parent());
            name.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        });
        assert_ne!(names[0], names[1]);
        assert!(is_temporary(&names[0], "last.safetensors"), "{}", names[0]);
        assert!(is_temporary(".last.safetensors.tmp", "last.safetensors"));
        for other in [
            "last.safetensors",
            ".last.safetensors.x.tmp",
            ".best.safetensors.tmp",
        ] {
            assert!(!is_temporary(other, "last.safetensors"), "{other}");
        }
        let long = "x".repeat(250);
        let name = temporary_name(Path::new(&long)).expect("a name");
        assert!(name.as_os_str().len() <= 255);
    }

    #[test]
    fn a_folder_in_which_nothing_was_trained_goes_and_another_stays() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("run");
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(folder.join("a"), "").expect("written");
        let begun = Temporary::begun(&folder, &["a", "b"], "model", false);
        std::fs::write(folder.join("model"), "").expect("written");
        begun.remove();
        assert!(folder.join("a").exists());
        std::fs::remove_file(folder.join("model")).expect("removed");
        let begun = Temporary::begun(&folder, &["a", "b"], "model", true);
        begun.remove();
        assert!(folder.exists(), "it was there before");
        let begun = Temporary::begun(&folder, &["a", "b"], "model", false);
        begun.remove();
        assert!(!folder.exists());
    }
}
