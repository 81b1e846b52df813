//! The layout of a cache file: its description, then records of a head and pixels.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::console::path_text;
use crate::data::image::audit::Traits;
use crate::data::image::preprocess::ImagePreprocess;
use crate::data::image::resize::is_whole;
use crate::data::image::samples::Stamp;
use crate::storage::positional::{read_at, write_at};

/// The version: to be raised when the stored data or the decoding of images changes.
pub const FORMAT: u32 = 2;
pub const MAGIC: &[u8; 8] = b"KILNSMP2";
/// Bytes before the first record.
pub const HEAD: u64 = 4096;
/// Bytes before the pixels of a record.
pub const RECORD_HEAD: usize = 128;

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
                "{height} x {width} x {}, {:?}, {:?}{}, pad {}, alpha {:?}{}",
                preprocess.channels,
                preprocess.resize,
                preprocess.aspect,
                // As long as nothing more is cut off the name is that of caches from before there was a crop.
                match is_whole(&preprocess.crop) {
                    true => String::new(),
                    false => format!(", crop {}", preprocess.crop),
                },
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

    /// Reads the head of a cache file; `None` if the file is another format or damaged.
    pub fn read(file: &File) -> Option<Description> {
        let mut head = vec![0; HEAD as usize];
        read_at(file, &mut head, 0).ok()?;
        let json = head.strip_prefix(MAGIC)?;
        let end = json.iter().position(|&byte| byte == 0)?;
        serde_json::from_slice(&json[..end]).ok()
    }

    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        let mut head = MAGIC.to_vec();
        head.extend(serde_json::to_vec(self)?);
        if head.len() >= HEAD as usize {
            return Err(io::Error::other("the folder's name is too long"));
        }
        head.resize(HEAD as usize, 0);
        write_at(file, &head, 0)
    }

    pub(super) fn stride(&self) -> u64 {
        RECORD_HEAD.saturating_add(self.record) as u64 // an untrusted file may hold any number
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

/// The metadata of a record's sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// A digest of the sample's name.
    pub name: u64,
    /// The stamp of the sample's file.
    pub stamp: Stamp,
    /// The image's traits, among them a digest of the file's bytes.
    pub traits: Traits,
}

/// Words of a record's head: the key, a checksum of the pixels, a checksum of the head.
pub const WORDS: usize = RECORD_HEAD / 8;

impl Key {
    pub(super) fn head(&self, pixels: u64) -> [u8; RECORD_HEAD] {
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

    /// The key and the checksum of the pixels; `None` if the head is damaged.
    pub(super) fn parse(head: &[u8]) -> Option<(Key, u64)> {
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
    pub(super) file: File,
    pub(super) stride: u64,
}

impl Records {
    pub(super) fn offset(&self, slot: u32) -> u64 {
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

    /// Rewrites a record, unless it now belongs to another sample.
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

    /// Writes a record; the head last, since it marks the record as complete.
    pub(super) fn write(&self, slot: u32, key: &Key, pixels: &[u8]) -> io::Result<()> {
        let offset = self.offset(slot);
        write_at(&self.file, pixels, offset + RECORD_HEAD as u64)?;
        write_at(&self.file, &key.head(xxh3_64(pixels)), offset)
    }
}
