//! Detects the layout of a folder of samples: splits under many names, wrapper folders, unlabelled samples beside
//! labelled ones. `init` and `audit` accept any such folder; an experiment names the folder of each split.

use std::path::{Path, PathBuf};

use super::error::ListingError;
use super::folder_tree::{Tree, nothing, place};
use super::listing::Content;
use super::split_names::{SplitName, is_wrapper, splits_of};
use crate::console::Show as _;
use crate::data::core::left_out::list_names;

/// Where the labels of a layout come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labelled {
    /// The folders they lie in.
    Folders,
    /// Not by folders: the samples of a split lie side by side.
    Elsewhere,
}

/// Where the splits of a folder lie.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What the samples are.
    pub content: Content,
    /// The training split.
    pub train: PathBuf,
    /// The validation split.
    pub valid: Option<PathBuf>,
    /// The split for the end.
    pub test: Option<PathBuf>,
    /// Folders of samples without labels.
    pub unlabelled: Vec<PathBuf>,
    /// Folders beside those of the classes that are no classes, by name.
    pub exclude: Vec<String>,
    /// Where the labels come from.
    pub labelled: Labelled,
    /// Whether the folders of the classes hold folders with samples, and nothing else.
    pub deeper: bool,
    /// The role inferred for each folder, as messages.
    pub notes: Vec<String>,
}

impl Layout {
    /// Finds the splits of a folder.
    ///
    /// # Errors
    /// What is there where there are no samples.
    pub fn find(root: &Path) -> Result<Layout, ListingError> {
        if !root.exists() {
            return Err(ListingError::Missing);
        }
        if !root.is_dir() {
            let expected = "a folder";
            return Err(ListingError::File { expected });
        }
        let tree = Tree::read(root, 0);
        // Notes beside images are no texts to learn from.
        let content = match tree.total {
            [0, 0] => return Err(nothing(root).into()),
            [0, _] => Content::Texts,
            _ => Content::Images,
        };
        let mut finder = Finder {
            content,
            notes: Vec::new(),
            root,
        };
        finder.find(&tree)
    }
}

struct Finder<'a> {
    content: Content,
    notes: Vec<String>,
    root: &'a Path,
}

impl Finder<'_> {
    fn short(&self, path: &Path) -> String {
        let inner = path.strip_prefix(self.root).unwrap_or(path);
        match inner.as_os_str().is_empty() {
            true => ".".into(),
            false => inner.shown().to_string(),
        }
    }

    fn note(&mut self, path: &Path, what: &str) {
        let line = format!("{}: {what}", self.short(path));
        self.notes.push(line);
    }

    fn find(&mut self, tree: &Tree) -> Result<Layout, ListingError> {
        let filled = tree.filled(self.content);
        let names: Vec<&str> = filled.iter().map(|tree| &*tree.name).collect();
        let splits = splits_of(&names);
        let of = |split: SplitName| -> Option<&Tree> {
            let found = filled
                .iter()
                .zip(&splits)
                .filter(|(_, of)| **of == Some(split));
            found
                .map(|(tree, _)| *tree)
                .max_by_key(|tree| tree.total[place(self.content)])
        };
        let others: Vec<&Tree> = filled
            .iter()
            .zip(&splits)
            .filter(|(_, of)| of.is_none())
            .map(|(tree, _)| *tree)
            .collect();
        let (train, valid, test) = (
            of(SplitName::Train),
            of(SplitName::Valid),
            of(SplitName::Test),
        );
        if let Some(train) = train {
            let is_class = train.filled(self.content).is_empty()
                && valid.is_none()
                && test.is_none()
                && others.len() >= 2;
            if !is_class {
                for other in others {
                    self.note(&other.path, "no split by its name; not used");
                }
                return Ok(self.of_splits(train, valid, test));
            }
        }
        if filled.is_empty() || (tree.direct(self.content) > 0 && filled.len() < 2) {
            for other in &filled {
                self.note(&other.path, "not used, as samples lie beside it");
            }
            return Ok(self.layout(tree, Labelled::Elsewhere));
        }
        if let [only] = filled[..] {
            return self.find(only);
        }
        if others.len() < 2 && (valid.is_some() || test.is_some()) {
            let names = list_names(&names);
            return Err(ListingError::NoTraining { names });
        }
        Ok(self.of_classes(tree, valid, test))
    }

    fn layout(&mut self, train: &Tree, labelled: Labelled) -> Layout {
        let classes = train.filled(self.content);
        let deep =
            |tree: &&Tree| tree.direct(self.content) == 0 && tree.filled(self.content).len() >= 2;
        let deeper =
            labelled == Labelled::Folders && !classes.is_empty() && classes.iter().all(deep);
        // Beside classes, folders of something else.
        let mut exclude = Vec::new();
        if labelled == Labelled::Folders {
            let content = place(self.content);
            let empty = train.folders.iter().filter(|tree| tree.total[content] == 0);
            for other in empty {
                self.note(&other.path, "holds no samples; no class");
                exclude.push(other.name.clone());
            }
        }
        Layout {
            content: self.content,
            train: train.path.clone(),
            valid: None,
            test: None,
            unlabelled: Vec::new(),
            exclude,
            labelled,
            deeper,
            notes: std::mem::take(&mut self.notes),
        }
    }

    /// Goes down where a folder holds nothing but another that holds the classes: `seg_train/seg_train/CLASS`.
    fn descend<'t>(&self, mut tree: &'t Tree, flat_too: bool) -> &'t Tree {
        while tree.direct(self.content) == 0 {
            let filled = tree.filled(self.content);
            let [only] = filled[..] else { break };
            let flat = only.filled(self.content).is_empty();
            if flat && !(flat_too && is_wrapper(&only.name)) {
                break;
            }
            tree = only;
        }
        tree
    }

    fn of_splits(&mut self, train: &Tree, valid: Option<&Tree>, test: Option<&Tree>) -> Layout {
        let root = self.descend(train, true);
        let labelled = match root.filled(self.content).len() {
            0 => Labelled::Elsewhere,
            _ => Labelled::Folders,
        };
        self.note(&root.path, "training");
        let mut layout = self.layout(root, labelled);
        self.notes = std::mem::take(&mut layout.notes);
        let classes = root.class_names(self.content);
        for (split, tree) in [(SplitName::Valid, valid), (SplitName::Test, test)] {
            let Some(tree) = tree else { continue };
            let tree = self.descend(tree, labelled == Labelled::Elsewhere);
            let inner = tree.class_names(self.content);
            let has_labels = labelled == Labelled::Elsewhere || !inner.is_disjoint(&classes);
            match (has_labels, split) {
                (true, SplitName::Valid) => {
                    if labelled == Labelled::Folders {
                        self.note(&tree.path, "validation");
                    }
                    layout.valid = Some(tree.path.clone());
                }
                (true, _) => {
                    if labelled == Labelled::Folders {
                        self.note(&tree.path, "the test at the end");
                    }
                    layout.test = Some(tree.path.clone());
                }
                (false, _) => self.set_aside(&mut layout, tree),
            }
        }
        layout.notes = std::mem::take(&mut self.notes);
        layout
    }

    fn set_aside(&mut self, layout: &mut Layout, tree: &Tree) {
        self.note(&tree.path, "without labels, for predict");
        layout.unlabelled.push(tree.path.clone());
    }

    fn of_classes(&mut self, tree: &Tree, valid: Option<&Tree>, test: Option<&Tree>) -> Layout {
        self.note(&tree.path, "training, one folder a class");
        let mut layout = self.layout(tree, Labelled::Folders);
        self.notes = std::mem::take(&mut layout.notes);
        let classes = tree.class_names(self.content);
        for (split, tree) in [(SplitName::Valid, valid), (SplitName::Test, test)] {
            let Some(tree) = tree else { continue };
            layout.exclude.push(tree.name.clone());
            let inner = self.descend(tree, false);
            match (inner.class_names(self.content).is_disjoint(&classes), split) {
                (true, _) => self.set_aside(&mut layout, tree),
                (false, SplitName::Valid) => {
                    self.note(&inner.path, "validation");
                    layout.valid = Some(inner.path.clone());
                }
                (false, _) => {
                    self.note(&inner.path, "the test at the end");
                    layout.test = Some(inner.path.clone());
                }
            }
        }
        layout.notes = std::mem::take(&mut self.notes);
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(files: &[&str]) -> (tempfile::TempDir, Result<Layout, ListingError>) {
        let folder = tempfile::TempDir::new().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        let layout = Layout::find(folder.path());
        (folder, layout)
    }

    fn shape(files: &[&str]) -> [String; 5] {
        let (folder, layout) = find(files);
        let layout = layout.expect("a layout");
        let short = |path: &Path| {
            path.strip_prefix(folder.path())
                .expect("inside")
                .display()
                .to_string()
        };
        let list = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|path| short(path))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let option = |path: &Option<PathBuf>| path.as_deref().map(short).unwrap_or_default();
        [
            short(&layout.train),
            option(&layout.valid),
            option(&layout.test),
            list(&layout.unlabelled),
            layout.exclude.join(" "),
        ]
    }

    #[test]
    fn every_layout_is_found() {
        let cases: [(&[&str], [&str; 5]); 15] = [
            (&["a/1.jpg", "b/1.jpg"], ["", "", "", "", ""]),
            (
                &["Training/a/1.jpg", "Testing/a/1.jpg"],
                ["Training", "", "Testing", "", ""],
            ),
            (
                &["train/a/1.jpg", "val/a/1.jpg", "test/a/1.jpg"],
                ["train", "val", "test", "", ""],
            ),
            (
                &["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg"],
                ["train", "", "", "test", ""],
            ),
            (
                &["a/1.jpg", "b/1.jpg", "test/1.jpg"],
                ["", "", "", "test", "test"],
            ),
            (
                &["a/1.jpg", "b/1.jpg", "test/a/1.jpg"],
                ["", "", "test", "", "test"],
            ),
            (
                &["data/dataset/train/a/1.jpg", "data/dataset/val/a/2.jpg"],
                ["data/dataset/train", "data/dataset/val", "", "", ""],
            ),
            (
                &["images/train/a/1.jpg", "images/val/a/1.jpg"],
                ["images/train", "images/val", "", "", ""],
            ),
            (
                &[
                    "train/images/a/1.jpg",
                    "train/images/b/1.jpg",
                    "val/images/a/1.jpg",
                ],
                ["train/images", "val/images", "", "", ""],
            ),
            (
                &[
                    "seg_train/seg_train/a/1.jpg",
                    "seg_train/seg_train/b/1.jpg",
                    "seg_test/seg_test/a/1.jpg",
                    "seg_pred/seg_pred/1.jpg",
                ],
                ["seg_train/seg_train", "", "seg_test/seg_test", "", ""],
            ),
            (
                &["bus/1.jpg", "car/1.jpg", "train/1.jpg"],
                ["", "", "", "", ""],
            ),
            (
                &["train/cat.0.jpg", "test1/1.jpg"],
                ["train", "", "test1", "", ""],
            ),
            (
                &[
                    "train/pos/1.txt",
                    "train/neg/1.txt",
                    "train/unsup/1.txt",
                    "test/pos/1.txt",
                    "README",
                ],
                ["train", "", "test", "", ""],
            ),
            (
                &["a/1.jpg", "b/1.jpg", "docs/x.pdf"],
                ["", "", "", "", "docs"],
            ),
            (
                &["__MACOSX/a/1.jpg", "a/1.jpg", "b/1.jpg", ".git/x/1.jpg"],
                ["", "", "", "", ""],
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(shape(files), expected.map(String::from), "{files:?}");
        }
    }

    #[test]
    fn folders_without_samples_say_what_they_hold() {
        let (_folder, empty) = find(&[]);
        let empty = empty.expect_err("empty").to_string();
        assert!(empty.contains("is empty"), "{empty}");
        let (_folder, other) = find(&["x/a.mp4", "b.pdf"]);
        let message = other.expect_err("no samples").to_string();
        assert!(message.contains("b.pdf, x/a.mp4"), "{message}");
        let (_folder, none) = find(&["val/a/1.jpg", "test/a/1.jpg"]);
        let none = none.expect_err("no training").to_string();
        assert!(none.contains("none for training"), "{none}");
    }
}
