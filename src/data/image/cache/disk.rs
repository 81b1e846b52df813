//! One cache file: decoded samples of one split and one preprocessing, as records of one size.
//!
//! Records are only appended, under a lock that one run holds while it decodes; any number of runs can read. A record
//! holds the name of its sample, the stamp of the sample's file, a digest of that file's content, and checksums of its
//! own header and pixels: truncated or damaged records are detected on reading and decoded again. Records are read
//! with positional reads, not mapped: the page cache is the same either way, but a mapping counts as memory of the
//! process, and accessing a truncated mapping kills it.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::record::{Description, Key, RECORD_HEAD, Records};
use crate::console::shown;
use crate::data::image::audit::Traits;
use crate::data::image::samples::Stamp;
use crate::storage::open_private;
use crate::storage::positional::{read_at, write_at};

/// A cache file that is open for appending by this run alone.
pub struct Adding {
    records: Records,
    known: Known,
    slots: Mutex<Slots>,
    failed: AtomicBool,
    _lock: File,
}

/// By the hash of a sample's name: the slot of its record, its key, the checksum of its pixels.
type Known = HashMap<u64, (u32, Key, u64)>;

/// Where the next record goes.
struct Slots {
    /// Free slots: of damaged records, and of those that a newer record of the same sample replaced.
    free: Vec<u32>,
    next: u32,
    most: u32,
}

impl Slots {
    fn take(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = self.next;
        (slot < self.most).then(|| {
            self.next += 1;
            slot
        })
    }
}

impl Adding {
    /// Opens or makes the cache file of a description in `folder`. It grows to at most `max_bytes`.
    /// Calls `wait` before it waits for another run that adds to the same file, which it does for
    /// as long as that one adds something every [`LONGEST_WAIT`].
    ///
    /// # Errors
    /// A file that cannot be written, is a link, or is another user's; another run that takes too long.
    pub fn open(
        folder: &Path,
        description: &Description,
        max_bytes: u64,
        wait: &dyn Fn(),
    ) -> io::Result<Adding> {
        let path = folder.join(description.file_name());
        let lock = open(&path.with_extension("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                wait();
                wait_for(&lock, &path)?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let file = open(&path)?;
        if Description::read(&file).as_ref() != Some(description) {
            file.set_len(0)?; // new, of another format, or damaged
            description.write(&file)?;
        }
        file.set_modified(std::time::SystemTime::now())?; // the least recently used goes first
        let stride = description.stride();
        let slots = |bytes: u64| description.num_samples(bytes).min(MAX_SLOTS) as u32;
        let count = slots(file.metadata()?.len());
        let records = Records { file, stride };
        let (known, free) = read_heads(&records, count);
        Ok(Adding {
            records,
            known,
            slots: Mutex::new(Slots {
                free,
                next: count,
                most: slots(max_bytes),
            }),
            failed: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// The record of a sample whose file has not changed, and its traits.
    pub fn find(&self, name: u64, stamp: Stamp) -> Option<(u32, Traits)> {
        let (slot, key, _) = self.known.get(&name)?;
        (key.stamp == stamp).then_some((*slot, key.traits))
    }

    /// The record of a sample whose file was touched but holds the same bytes.
    pub fn find_content(&self, name: u64, stamp: Stamp, content: u128) -> Option<(u32, Traits)> {
        let (slot, known, check) = self.known.get(&name)?;
        if known.traits.content != content {
            return None;
        }
        let touched = Key { stamp, ..*known };
        let offset = self.records.offset(*slot);
        write_at(&self.records.file, &touched.head(*check), offset).ok()?;
        Some((*slot, known.traits))
    }

    /// Adds a record; `None` if the file is full or cannot be written.
    pub fn add(&self, key: &Key, pixels: &[u8]) -> Option<u32> {
        if self.has_failed() {
            return None;
        }
        let slot = self.slots.lock().ok()?.take()?;
        if self.records.write(slot, key, pixels).is_err() {
            self.failed.store(true, Ordering::Relaxed);
            return None;
        }
        Some(slot)
    }

    /// Whether writing has failed, usually because the disk is full.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Reads a record while others may be added.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Releases the lock for other runs.
    pub fn finish(self) -> Records {
        self.records
    }
}

/// A slot is a number of 31 bits.
const MAX_SLOTS: u64 = (u32::MAX >> 1) as u64;

/// How long to wait for another run that holds the lock and adds nothing to the file.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

fn open(path: &Path) -> io::Result<File> {
    let name = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", shown(path)));
    open_private(path).map_err(name)
}

/// Waits for a lock for as long as the file that it guards grows.
fn wait_for(lock: &File, guarded: &Path) -> io::Result<()> {
    let size = || guarded.symlink_metadata().map_or(0, |meta| meta.len());
    let (mut since, mut before) = (Instant::now(), size());
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if since.elapsed() < LONGEST_WAIT => {
                std::thread::sleep(Duration::from_millis(50));
                let now = size();
                if now != before {
                    (since, before) = (Instant::now(), now);
                }
            }
            Err(TryLockError::WouldBlock) => {
                let seconds = LONGEST_WAIT.as_secs();
                let message = format!(
                    "another run has held the cache's lock for {seconds} s and added nothing"
                );
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The records that are there by the names of their samples, and the slots that are free.
fn read_heads(records: &Records, count: u32) -> (Known, Vec<u32>) {
    let mut known = HashMap::with_capacity(count as usize);
    let mut free = Vec::new();
    let mut head = [0; RECORD_HEAD];
    for slot in 0..count {
        let read = read_at(&records.file, &mut head, records.offset(slot));
        match read.ok().and_then(|()| Key::parse(&head)) {
            Some((key, check)) => {
                if let Some((older, ..)) = known.insert(key.name, (slot, key, check)) {
                    free.push(older);
                }
            }
            None => free.push(slot),
        }
    }
    (known, free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::cache::record::FORMAT;
    use crate::data::image::cache::record::HEAD;
    use tempfile::TempDir;

    const STAMP: Stamp = Stamp {
        size: 3,
        modified: 5,
        changed: 7,
    };

    fn description() -> Description {
        Description {
            format: FORMAT,
            root: "/photos".into(),
            record: 4,
            pixels: "2 x 2 x 1".into(),
        }
    }

    fn open(folder: &TempDir, max_slots: u64) -> Adding {
        let bytes = HEAD + max_slots * description().stride();
        Adding::open(folder.path(), &description(), bytes, &|| ()).expect("a cache file")
    }

    fn key(name: u64) -> Key {
        Key {
            name,
            stamp: STAMP,
            traits: Traits {
                content: u128::from(name) << 70 | 5,
                look: u128::from(name) << 80 | 6,
                width: 7,
                height: 8,
                flags: Traits::SEEN,
            },
        }
    }

    #[test]
    fn a_record_comes_back_in_the_next_run_and_a_changed_file_does_not() {
        let folder = TempDir::new().expect("a folder");
        let adding = open(&folder, 9);
        let slot = adding.add(&key(1), &[1, 2, 3, 4]).expect("room");
        drop(adding);
        let again = open(&folder, 9);
        assert_eq!(again.find(1, STAMP), Some((slot, key(1).traits)));
        assert_eq!(again.find(2, STAMP), None);
        let touched = Stamp {
            modified: 6,
            ..STAMP
        };
        assert_eq!(again.find(1, touched), None);
        let traits = key(1).traits;
        let found = again.find_content(1, touched, traits.content);
        assert_eq!(found, Some((slot, traits)));
        assert_eq!(again.find_content(1, touched, 99), None);
        let mut pixels = Vec::new();
        assert!(again.finish().read(slot, 1, &mut pixels));
        assert_eq!(pixels, [1, 2, 3, 4]);
    }

    #[test]
    fn any_damaged_byte_of_a_record_is_found() {
        let folder = TempDir::new().expect("a folder");
        let records = {
            let adding = open(&folder, 9);
            adding.add(&key(1), &[1, 2, 3, 4]).expect("room");
            adding.finish()
        };
        let mut pixels = Vec::new();
        for byte in 0..description().stride() {
            let at = HEAD + byte;
            let mut old = [0];
            read_at(&records.file, &mut old, at).expect("a byte");
            write_at(&records.file, &[!old[0]], at).expect("a byte");
            assert!(!records.read(0, 1, &mut pixels), "byte {byte}");
            write_at(&records.file, &old, at).expect("a byte");
        }
        assert!(records.read(0, 1, &mut pixels));
        assert!(!records.read(0, 2, &mut pixels), "another sample's");
        assert!(!records.read(1, 1, &mut pixels), "beyond the end");
    }

    #[test]
    fn it_grows_to_its_bound_and_takes_the_place_of_what_was_replaced() {
        let folder = TempDir::new().expect("a folder");
        let adding = open(&folder, 2);
        assert_eq!(adding.add(&key(1), &[1; 4]), Some(0));
        let mut newer = key(1);
        newer.traits.content = 99;
        assert_eq!(adding.add(&newer, &[2; 4]), Some(1));
        assert_eq!(adding.add(&key(2), &[3; 4]), None, "full");
        drop(adding);
        let again = open(&folder, 2);
        assert_eq!(
            again.find(1, STAMP),
            Some((1, newer.traits)),
            "the newer one"
        );
        assert_eq!(
            again.add(&key(2), &[3; 4]),
            Some(0),
            "the older one's place"
        );
    }

    #[test]
    fn a_damaged_head_begins_the_file_anew() {
        let folder = TempDir::new().expect("a folder");
        let adding = open(&folder, 9);
        adding.add(&key(1), &[1; 4]).expect("room");
        write_at(&adding.records.file, b"x", 12).expect("a byte");
        drop(adding);
        assert_eq!(open(&folder, 9).find(1, STAMP), None);
    }
}
