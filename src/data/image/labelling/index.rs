//! Finds images by the names that tables use.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The result of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// One image, by its place.
    One(usize),
    /// No image.
    None,
    /// More than one.
    Several,
}

/// Index of images by path, with or without extension, or by file name alone.
pub struct ImageIndex<'a> {
    files: &'a [Box<Path>],
    root: PathBuf,
    /// From the most exact to the least.
    tiers: [OnceCell<HashMap<String, Found>>; 4],
}

impl<'a> ImageIndex<'a> {
    /// Of files below a root.
    pub fn new(files: &'a [Box<Path>], root: &Path) -> ImageIndex<'a> {
        ImageIndex {
            files,
            root: root.to_path_buf(),
            tiers: Default::default(),
        }
    }

    fn tier(&self, tier: usize) -> &HashMap<String, Found> {
        self.tiers[tier].get_or_init(|| {
            let mut map = HashMap::with_capacity(self.files.len());
            for (place, file) in self.files.iter().enumerate() {
                let path = match tier {
                    0 => file.to_path_buf(),
                    1 => file.with_extension(""),
                    2 => PathBuf::from(file.file_name().unwrap_or_default()),
                    _ => PathBuf::from(file.file_stem().unwrap_or_default()),
                };
                let key = path.to_string_lossy().replace('\\', "/").to_lowercase();
                map.entry(key)
                    .and_modify(|found| *found = Found::Several)
                    .or_insert(Found::One(place));
            }
            map
        })
    }

    /// Finds the image that a table refers to by `name`.
    pub fn find(&self, name: &str) -> Found {
        let mut name = name.trim().replace('\\', "/").to_lowercase();
        // A path from the root of the file system.
        let root = self
            .root
            .to_string_lossy()
            .replace('\\', "/")
            .to_lowercase();
        if let Some(inner) = name.strip_prefix(&root) {
            name = inner.to_string();
        }
        let name = name.trim_start_matches("./").trim_start_matches('/');
        if name.is_empty() {
            return Found::None;
        }
        // The name as written, then without leading folders, which may be those above the root.
        let mut rest = Some(name);
        while let Some(path) = rest {
            for tier in 0..2 {
                if let Some(found) = self.tier(tier).get(path) {
                    return *found;
                }
            }
            rest = path.split_once('/').map(|(_, rest)| rest);
        }
        let base = name.rsplit('/').next().unwrap_or(name);
        let by_name = self.tier(2).get(base);
        by_name
            .or_else(|| self.tier(3).get(base))
            .copied()
            .unwrap_or(Found::None)
    }
}
