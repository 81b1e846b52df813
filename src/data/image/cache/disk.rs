//! One cache file: decoded samples of one split and one preprocessing, as records of one size.
//!
//! Records are only ever added, under a lock that one run holds while it decodes; so any number of
//! runs can read. A record names its sample, what the sample's file was like, a digest of that file's
//! content, and checksums of its own head and pixels: whatever is cut short or damaged is found
//! when it is read, and decoded anew. Records are read by place rather than mapped into memory:
//! the system keeps the pages either way, but a mapping counts as the program's own memory, and
//! ends the program when the file is cut.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::console::{path_text, shown};
use crate::data::image::audit::Traits;
use crate::data::image::preprocess::ImagePreprocess;
use crate::data::image::samples::Stamp;
use crate::storage::open_private;
use crate::storage::positional::{read_at, write_at};

/// Changes where what is stored, or how pictures are decoded, changes.
const FORMAT: u32 = 2;
const MAGIC: &[u8; 8] = b"KILNSMP2";
/// Bytes before the first record.
const HEAD: u64 = 4096;
/// Bytes before the pixels of a record.
const RECORD_HEAD: usize = 128;

/// What a cache file holds; its first bytes, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// [`FORMAT`].
    pub format: u32,
    /// The folder or the archives of the split.
    pub root: String,
    /// Bytes of a decoded sample.
    pub record: usize,
    /// Everything that the pixels depend on, as text.
    pub pixels: String,
}

impl Description {
    /// Describes the decoded samples of a split.
    pub fn new(root: &Path, preprocess: &ImagePreprocess) -> Description {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
        let [height, width] = preprocess.size;
        Description {
            format: FORMAT,
            root: path_text(&root).into_owned(),
            record: preprocess.shape().num_elements(),
            pixels: format!(
                "{height} x {width} x {}, {:?}, {:?}, pad {}, alpha {:?}{}",
                preprocess.channels,
                preprocess.resize,
                preprocess.aspect,
                preprocess.pad_value,
                preprocess.alpha,
                // Without a range the name is that of caches from before there were ranges.
                preprocess.deep.map_or(String::new(), |range| {
                    let [low, high] = range.bounds();
                    format!(", 16 bits from {low} to {high}")
                })
            )
            .to_lowercase(),
        }
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{:016x}.samples", xxh3_64(text.as_bytes()))
    }

    /// Reads the head of a cache file; `None` where it is none, or damaged.
    pub fn read(file: &File) -> Option<Description> {
        let mut head = vec![0; HEAD as usize];
        read_at(file, &mut head, 0).ok()?;
        let json = head.strip_prefix(MAGIC)?;
        let end = json.iter().position(|&byte| byte == 0)?;
        serde_json::from_slice(&json[..end]).ok()
    }

    fn write(&self, file: &File) -> io::Result<()> {
        let mut head = MAGIC.to_vec();
        head.extend(serde_json::to_vec(self)?);
        if head.len() >= HEAD as usize {
            return Err(io::Error::other("the folder's name is too long"));
        }
        head.resize(HEAD as usize, 0);
        write_at(file, &head, 0)
    }

    fn stride(&self) -> u64 {
        RECORD_HEAD.saturating_add(self.record) as u64 // a file from elsewhere may say anything
    }

    /// The records of a file of `bytes`.
    pub fn num_samples(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(HEAD) / self.stride()
    }

    /// The size of a file with `num_samples` records, bytes.
    pub fn size_for(&self, num_samples: usize) -> u64 {
        HEAD + num_samples as u64 * self.stride()
    }
}

/// What a record says of its sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// A digest of the sample's name.
    pub name: u64,
    /// What the sample's file was like.
    pub stamp: Stamp,
    /// What was noted of the picture; among it a digest of the file's bytes.
    pub traits: Traits,
}

/// Words of a record's head: the key, a checksum of the pixels, a checksum of the head.
const WORDS: usize = RECORD_HEAD / 8;

impl Key {
    fn head(&self, pixels: u64) -> [u8; RECORD_HEAD] {
        let Traits {
            content,
            look,
            width,
            height,
            flags,
        } = self.traits;
        let mut words = [0; WORDS];
        words[..11].copy_from_slice(&[
            self.name,
            self.stamp.size,
            self.stamp.modified,
            self.stamp.changed,
            content as u64,
            (content >> 64) as u64,
            look as u64,
            (look >> 64) as u64,
            u64::from(width) << 32 | u64::from(height),
            u64::from(flags),
            pixels,
        ]);
        let mut head = [0; RECORD_HEAD];
        for (bytes, word) in head.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let check = xxh3_64(&head[..RECORD_HEAD - 8]);
        head[RECORD_HEAD - 8..].copy_from_slice(&check.to_le_bytes());
        head
    }

    /// The key and the checksum of the pixels; `None` where the head is damaged.
    fn parse(head: &[u8]) -> Option<(Key, u64)> {
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(head.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        if words[WORDS - 1] != xxh3_64(&head[..RECORD_HEAD - 8]) {
            return None;
        }
        let pair = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
        let key = Key {
            name: words[0],
            stamp: Stamp {
                size: words[1],
                modified: words[2],
                changed: words[3],
            },
            traits: Traits {
                content: pair(words[4], words[5]),
                look: pair(words[6], words[7]),
                width: (words[8] >> 32) as u32,
                height: words[8] as u32,
                flags: words[9] as u32,
            },
        };
        Some((key, words[10]))
    }
}

/// A cache file that is being read.
pub struct Records {
    file: File,
    stride: u64,
}

impl Records {
    fn offset(&self, slot: u32) -> u64 {
        HEAD + u64::from(slot) * self.stride
    }

    /// Reads the pixels of a record; false where they are cut short, damaged, or of another sample
    /// than `name`.
    pub fn read(&self, slot: u32, name: u64, pixels: &mut Vec<u8>) -> bool {
        pixels.resize(self.stride as usize, 0);
        if read_at(&self.file, pixels, self.offset(slot)).is_err() {
            return false;
        }
        let good = match Key::parse(pixels) {
            Some((key, check)) => key.name == name && check == xxh3_64(&pixels[RECORD_HEAD..]),
            None => false,
        };
        pixels.drain(..RECORD_HEAD);
        good
    }

    /// Writes a record anew, unless it has become another sample's.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn mend(&self, slot: u32, key: &Key, pixels: &[u8]) -> io::Result<()> {
        let mut head = [0; RECORD_HEAD];
        let read = read_at(&self.file, &mut head, self.offset(slot));
        match read.ok().and_then(|()| Key::parse(&head)) {
            Some((found, _)) if found.name != key.name => Ok(()),
            _ => self.write(slot, key, pixels),
        }
    }

    /// Writes a record; the head last, since it says that the rest is there.
    fn write(&self, slot: u32, key: &Key, pixels: &[u8]) -> io::Result<()> {
        let offset = self.offset(slot);
        write_at(&self.file, pixels, offset + RECORD_HEAD as u64)?;
        write_at(&self.file, &key.head(xxh3_64(pixels)), offset)
    }
}

/// A cache file that this run alone adds to, until it is finished.
pub struct Adding {
    records: Records,
    known: Known,
    slots: Mutex<Slots>,
    failed: AtomicBool,
    _lock: File,
}

/// By a sample's name: the place of its record, its key, the checksum of its pixels.
type Known = HashMap<u64, (u32, Key, u64)>;

/// Where the next record goes.
struct Slots {
    /// Of damaged records, and of those that a newer one of the same sample replaced.
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

    /// The record of a sample whose file is as it was, and what was noted of it.
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

    /// Adds a record; `None` where the file is full or cannot be written.
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

    /// Whether writing failed: the disk is full, as a rule.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Reads a record while others may be added.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Lets other runs add.
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
