//! What listing a folder finds: classes, files, and what was left out.

use std::path::Path;

use crate::data::core::left_out::LeftOut;
use crate::data::files::error::ListingError;

/// The samples below a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Folder names, sorted.
    pub classes: Vec<String>,
    /// Each file, relative to the root, with the index of its class; sorted by class, then by path.
    pub files: Vec<(Box<Path>, u32)>,
    /// What is no sample, relative to the root, and why.
    pub left_out: LeftOut,
}

/// What the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Images of any format that is decoded.
    Images,
    /// Files whose names end in `.txt`.
    Texts,
}

impl Listing {
    /// Makes the folders that files lie in their classes, by name, wherever they are.
    pub(super) fn leaves(&mut self) -> Result<(), ListingError> {
        let leaf = |path: &Path| -> Result<String, ListingError> {
            let name = path.parent().and_then(Path::file_name).unwrap_or_default();
            let name = name.to_str().map(str::to_string);
            let path = path.to_path_buf();
            name.ok_or(ListingError::LeafName { path })
        };
        let leaves: Result<Vec<String>, ListingError> =
            self.files.iter().map(|(path, _)| leaf(path)).collect();
        let leaves = leaves?;
        let mut classes = leaves.clone();
        classes.sort();
        classes.dedup();
        for ((_, class), leaf) in self.files.iter_mut().zip(&leaves) {
            *class = classes.binary_search(leaf).unwrap_or_default() as u32;
        }
        self.classes = classes;
        self.files.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        Ok(())
    }
}
