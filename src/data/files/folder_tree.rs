//! Counts of images and texts in a tree of folders.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::Nothing;
use super::kind::{MAGIC_BYTES, Named, is_hidden, named, sniff};
use super::listing::Content;
use super::listing::is_text_name;
use super::listing::{NO_LABELS, is_of_runs};
use crate::console::Show as _;
use crate::data::core::left_out::list_names;
use crate::storage::open_regular;

/// A folder with what lies in and below it.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Images and texts that lie in it.
    pub direct: [usize; 2],
    /// Images and texts at any depth.
    pub total: [usize; 2],
    /// The folders in it, sorted.
    pub folders: Vec<Tree>,
}

const MAX_DEPTH: usize = 12;
/// The most files per folder whose first bytes are read because their extension is not known.
const SNIFFED: usize = 4;

impl Tree {
    /// Looks through a folder.
    pub fn read(path: &Path, depth: usize) -> Tree {
        let name = path.file_name().unwrap_or_default();
        let mut tree = Tree {
            path: path.to_path_buf(),
            name: name.to_string_lossy().into_owned(),
            ..Tree::default()
        };
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut folders = Vec::new();
        let (mut unknown, mut sniffed, mut images) = (0, 0, 0);
        for entry in entries.filter(|entry| !is_hidden(&entry.file_name())) {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
                if ![Content::Images, Content::Texts]
                    .iter()
                    .all(|content| is_of_runs(&path, *content))
                {
                    folders.push(path);
                }
                continue;
            }
            tree.direct[1] += usize::from(is_text_name(&path));
            match named(&path) {
                Named::Image => tree.direct[0] += 1,
                Named::Unknown => {
                    unknown += 1;
                    if sniffed < SNIFFED && path.is_file() {
                        sniffed += 1;
                        images += usize::from(is_image(&path));
                    }
                }
                Named::Other(_) => {}
            }
        }
        tree.direct[0] += unknown * images / sniffed.max(1);
        folders.sort();
        if depth < MAX_DEPTH {
            tree.folders = folders
                .iter()
                .map(|path| Tree::read(path, depth + 1))
                .collect();
        }
        tree.total = tree.direct;
        for folder in &tree.folders {
            tree.total[0] += folder.total[0];
            tree.total[1] += folder.total[1];
        }
        tree
    }

    /// The folders in it that hold samples, and may have labels.
    pub fn filled(&self, content: Content) -> Vec<&Tree> {
        let filled = |tree: &&Tree| tree.total[place(content)] > 0;
        let named = |tree: &&Tree| !NO_LABELS.contains(&&*tree.name.to_lowercase());
        self.folders.iter().filter(filled).filter(named).collect()
    }

    /// Samples that lie in it.
    pub fn direct(&self, content: Content) -> usize {
        self.direct[place(content)]
    }

    /// The names of the folders in it that hold samples.
    pub fn class_names(&self, content: Content) -> BTreeSet<String> {
        self.filled(content)
            .iter()
            .map(|tree| tree.name.clone())
            .collect()
    }
}

/// The place of a count of samples.
pub fn place(content: Content) -> usize {
    match content {
        Content::Images => 0,
        Content::Texts => 1,
    }
}

fn is_image(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read =
        open_regular(path).and_then(|file| file.take(MAGIC_BYTES as u64).read_to_end(&mut begin));
    read.is_ok() && sniff(&begin).is_ok()
}

/// Describes the content of a folder without samples.
pub fn nothing(root: &Path) -> Nothing {
    let mut names = BTreeSet::new();
    let mut waiting = vec![(root.to_path_buf(), 0)];
    let mut folders = 0;
    while let Some((folder, depth)) = waiting.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !is_hidden(&entry.file_name())) {
            let path = entry.path();
            if path.is_dir() {
                folders += 1;
                if depth < 3 {
                    waiting.push((path, depth + 1));
                }
            } else if names.len() < 1000 {
                let inner = path.strip_prefix(root).unwrap_or(&path);
                names.insert(inner.shown().to_string());
            }
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    match (names.is_empty(), folders) {
        (true, 0) => Nothing::Empty,
        (true, n) => Nothing::Folders(n),
        (false, _) => Nothing::Others(list_names(&names)),
    }
}
