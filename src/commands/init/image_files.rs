//! The images below a folder, to find those that a table or a list names.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::console::Show as _;
use crate::data::{ImageIndex, images_below};

/// The images below a folder.
pub(super) struct Images {
    pub(super) root: PathBuf,
    pub(super) files: Vec<Box<Path>>,
}

impl Images {
    pub(super) fn below(root: &Path) -> anyhow::Result<Images> {
        let (files, _) =
            images_below(root).map_err(|message| anyhow!("{} {message}", root.shown()))?;
        Ok(Images {
            root: root.to_path_buf(),
            files,
        })
    }

    pub(super) fn index(&self) -> ImageIndex<'_> {
        ImageIndex::new(&self.files, &self.root)
    }

    /// The folder that all of them lie in.
    pub(super) fn common(&self) -> PathBuf {
        let mut parents = self
            .files
            .iter()
            .map(|file| file.parent().unwrap_or(Path::new("")));
        let mut common = parents.next().unwrap_or(Path::new("")).to_path_buf();
        for parent in parents {
            while !parent.starts_with(&common) {
                common.pop();
            }
        }
        match common.as_os_str().is_empty() {
            true => self.root.clone(),
            false => self.root.join(common),
        }
    }
}
