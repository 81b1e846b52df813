//! The files in the folder of caches: listing, sizes, and eviction of the oldest.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::record::Description;
use crate::storage::open_regular;

/// One cache file.
#[derive(Clone, Debug)]
pub struct CacheFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds; `None` if that cannot be read.
    pub description: Option<Description>,
    /// Its size, bytes.
    pub bytes: u64,
    /// When a run last opened it.
    pub used: SystemTime,
}

/// Every cache file, the most recently used first; none where there is no folder yet.
///
/// # Errors
/// A folder that cannot be read.
pub fn list_caches(folder: &Path) -> io::Result<Vec<CacheFile>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "samples")
        {
            continue;
        }
        // This program makes no links; a file that is gone was cleared by another run.
        let Some(meta) = path.symlink_metadata().ok().filter(Metadata::is_file) else {
            continue;
        };
        files.push(CacheFile {
            description: open_regular(&path)
                .ok()
                .and_then(|file| Description::read(&file)),
            bytes: meta.len(),
            used: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            path,
        });
    }
    files.sort_by_key(|file| std::cmp::Reverse(file.used));
    Ok(files)
}

/// Removes a cache file. A run that has it open can read it to the end.
///
/// # Errors
/// A file that cannot be removed.
pub fn remove_cache(file: &CacheFile) -> io::Result<()> {
    std::fs::remove_file(&file.path)?;
    // The lock stays where a run holds it; an empty file that is left is no harm.
    let lock = file.path.with_extension("lock");
    if open_regular(&lock).is_ok_and(|lock| lock.try_lock().is_ok()) {
        let _ = std::fs::remove_file(lock);
    }
    Ok(())
}

/// Makes room for a file of `bytes` named `name`: removes the others, the least recently used
/// first, until all of them together stay below `limit`. Returns the most that the file may take.
pub fn make_room(folder: &Path, name: &str, bytes: u64, limit: u64) -> u64 {
    let mut others: Vec<CacheFile> = list_caches(folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|file| file.path.file_name().is_some_and(|other| other != name))
        .collect();
    let mut total: u64 = others.iter().map(|file| file.bytes).sum();
    while total.saturating_add(bytes) > limit
        && let Some(oldest) = others.pop()
    {
        if remove_cache(&oldest).is_ok() {
            total -= oldest.bytes;
        }
    }
    limit.saturating_sub(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::Duration;
    use tempfile::TempDir;

    fn put(folder: &TempDir, name: &str, bytes: u64, age: u64) {
        let file = File::create(folder.path().join(name)).expect("a file");
        file.set_len(bytes).expect("a size");
        let used = SystemTime::now() - Duration::from_secs(age);
        file.set_modified(used).expect("a time");
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let folder = TempDir::new().expect("a folder");
        put(&folder, "old.samples", 50, 300);
        put(&folder, "new.samples", 30, 100);
        put(&folder, "mine.samples", 40, 900);
        assert_eq!(make_room(folder.path(), "mine.samples", 60, 100), 70);
        let names: Vec<String> = list_caches(folder.path())
            .expect("a listing")
            .iter()
            .map(|file| {
                file.path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        assert_eq!(names, ["new.samples", "mine.samples"]);
    }

    #[test]
    fn no_folder_is_an_empty_listing() {
        let folder = TempDir::new().expect("a folder");
        let none = list_caches(&folder.path().join("none")).expect("a listing");
        assert!(none.is_empty());
    }
}
