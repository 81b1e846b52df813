//! Labels from tables and lists: matches each row with its image.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::below::images_below;
use super::error::{Failure, LabellingError};
use super::index::{Found, ImageIndex};
use super::options::{LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles};
use super::rows::{NO_IMAGE, Rows, read_files};
use crate::console::Show as _;
use crate::data::core::left_out::{LeftOut, list_names, short_name};
use crate::data::files::split_names::SplitName;

/// The folders of training, validation and test images.
pub type Roots<'a> = [Option<&'a Path>; 3];

/// The reason for skipping an image without a row.
const NO_ROW: &str = "an image of which no row of the labels speaks";
const AMBIGUOUS: &str = "a row of the labels whose name several images have";
const FURTHER: &str = "a further row of the same image with another label";

/// The root of the images, and the labelled images below it.
type Spoken = (PathBuf, Vec<(Box<Path>, Vec<String>)>);

/// The label rows of all splits.
pub struct LabelTables<'a> {
    labelling: &'a Labelling,
    /// The rows of training, validation and test, each with its images' root.
    splits: [Option<(PathBuf, Rows)>; 3],
}

impl<'a> LabelTables<'a> {
    /// Reads the tables.
    ///
    /// # Errors
    /// The key at fault, and what is wrong.
    pub fn read(labelling: &'a Labelling, roots: Roots<'_>) -> Result<LabelTables<'a>, Failure> {
        let files = [
            &labelling.label_files,
            &labelling.valid_label_files,
            &labelling.test_label_files,
        ];
        let keys = ["label_files", "valid_label_files", "test_label_files"];
        let mut splits = [None, None, None];
        let train_root = roots[0].unwrap_or(Path::new("."));
        for ((files, key), (split, root)) in
            files.iter().zip(keys).zip(splits.iter_mut().zip(roots))
        {
            let Some(files) = files else { continue };
            let rows = read_files(labelling, files)
                .map_err(|error| LabellingError::Rows(error).of(key))?;
            *split = Some((root.unwrap_or(train_root).to_path_buf(), rows));
        }
        // One table for all splits: by a column, or by the folders the images lie in.
        let [Some((_, all)), ..] = &splits else {
            return Err(LabellingError::NoTable.of("label_files"));
        };
        let all = all.clone();
        if labelling.split.is_some() {
            for (index, split) in splits.iter_mut().enumerate() {
                let name = [SplitName::Train, SplitName::Valid, SplitName::Test][index];
                let part = all.of(name);
                let root = roots[index].unwrap_or(train_root);
                if !part.rows.is_empty() {
                    *split = Some((root.to_path_buf(), part));
                } else if index == 0 {
                    *split = None;
                }
            }
        } else {
            for (split, root) in splits.iter_mut().zip(roots).skip(1) {
                if let (None, Some(root)) = (&split, root) {
                    *split = Some((root.to_path_buf(), all.clone()));
                }
            }
        }
        Ok(LabelTables { labelling, splits })
    }

    /// The last split that has a row.
    pub fn last(&self) -> usize {
        let has_rows = |part: &usize| {
            self.splits[*part]
                .as_ref()
                .is_some_and(|(_, rows)| !rows.rows.is_empty())
        };
        [2, 1].into_iter().find(has_rows).unwrap_or(0)
    }

    /// One split alone, as that of training.
    pub fn only(mut self, part: usize) -> LabelTables<'a> {
        let kept = self.splits[part].take();
        self.splits = [kept, None, None];
        self
    }

    /// The labelled images of each split.
    ///
    /// # Errors
    /// A folder that cannot be read; rows that match no image; a label that training lacks.
    pub fn into_files(self) -> Result<LabelledFiles, Failure> {
        let mut left_out = LeftOut::default();
        let mut found: [Option<Spoken>; 3] = [None, None, None];
        let shared = self
            .splits
            .iter()
            .flatten()
            .map(|(root, _)| root)
            .collect::<BTreeSet<_>>()
            .len()
            < self.splits.iter().flatten().count();
        let same_rows = self.labelling.split.is_none()
            && self.labelling.valid_label_files.is_none()
            && self.labelling.test_label_files.is_none()
            && self.splits.iter().flatten().count() > 1;
        let mut used: BTreeSet<PathBuf> = BTreeSet::new();
        let mut unused: Vec<(PathBuf, Box<Path>)> = Vec::new();
        for ((split, key), out) in self.splits.iter().zip(SPLIT_KEYS).zip(&mut found) {
            let Some((root, rows)) = split else { continue };
            let (images, passed_over) = images_below(root).map_err(|error| {
                let root = root.clone();
                LabellingError::Folder { root, error }.of(key)
            })?;
            left_out.merge(passed_over);
            let index = ImageIndex::new(&images, root);
            let mut labels_of: Vec<Option<&Vec<String>>> = vec![None; images.len()];
            for row in &rows.rows {
                match index.find(&row.image) {
                    Found::One(place) => match labels_of[place] {
                        None => labels_of[place] = Some(&row.labels),
                        Some(labels) if *labels == row.labels => {}
                        Some(_) => left_out.add(FURTHER, || row.image.clone()),
                    },
                    // If one table covers several folders, the other rows belong to other folders.
                    Found::None if same_rows => {}
                    Found::None => left_out.add(NO_IMAGE, || row.image.clone()),
                    Found::Several => left_out.add(AMBIGUOUS, || row.image.clone()),
                }
            }
            let mut files = Vec::new();
            for (path, labels) in images.into_iter().zip(labels_of) {
                match labels {
                    Some(labels) => {
                        used.insert(root.join(&path));
                        files.push((path, labels.clone()));
                    }
                    None => unused.push((root.clone(), path)),
                }
            }
            if files.is_empty() {
                let first = rows
                    .rows
                    .first()
                    .map(|row| short_name(&row.image).into_owned());
                let error = LabellingError::NoImage {
                    root: root.clone(),
                    first: first.unwrap_or_default(),
                };
                return Err(error.of(key));
            }
            left_out.merge(rows.left_out.clone());
            *out = Some((root.clone(), files));
        }
        let mut reported = BTreeSet::new();
        for (root, path) in unused {
            let whole = root.join(&path);
            if !used.contains(&whole) && (!shared || reported.insert(whole)) {
                left_out.add(NO_ROW, || path.shown().to_string());
            }
        }
        self.name(found, left_out)
    }

    /// Assigns indices to the labels.
    fn name(
        &self,
        found: [Option<Spoken>; 3],
        left_out: LeftOut,
    ) -> Result<LabelledFiles, Failure> {
        let several = self.splits.iter().flatten().any(|(_, rows)| rows.several);
        let of_train = || found[0].iter().flat_map(|(_, files)| files);
        let single = |labels: &Vec<String>| labels.len() == 1;
        // Columns of 0 and 1 of which one holds in every row are the classes of one choice.
        let columns = self
            .labelling
            .label
            .as_ref()
            .is_some_and(|label| label.list().len() > 1);
        let is_classes = !several
            || (columns
                && found
                    .iter()
                    .flatten()
                    .all(|(_, files)| files.iter().all(|f| single(&f.1))));
        let mut names: BTreeSet<&str> = of_train()
            .flat_map(|(_, labels)| labels)
            .map(String::as_str)
            .collect();
        if !is_classes && let Some((_, rows)) = &self.splits[0] {
            names.extend(rows.names.iter().map(String::as_str).filter(|_| columns));
        }
        let names: Vec<String> = sorted(names);
        let place: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), at))
            .collect();
        let mut sets: Vec<Vec<bool>> = Vec::new();
        let mut known: HashMap<Vec<bool>, u32> = HashMap::new();
        let mut splits = [None, None, None];
        for ((found, key), split) in found.iter().zip(SPLIT_KEYS).zip(&mut splits) {
            let Some((root, files)) = found else { continue };
            let mut numbered = Vec::with_capacity(files.len());
            for (path, labels) in files {
                let unknown = labels
                    .iter()
                    .find(|label| !place.contains_key(label.as_str()));
                if let Some(label) = unknown {
                    let error = LabellingError::Label {
                        path: path.to_path_buf(),
                        label: short_name(label).into_owned(),
                        known: list_names(&names),
                    };
                    return Err(error.of(key));
                }
                let index = if is_classes {
                    place[labels[0].as_str()] as u32
                } else {
                    let mut set = vec![false; names.len()];
                    labels
                        .iter()
                        .for_each(|label| set[place[label.as_str()]] = true);
                    *known.entry(set).or_insert_with_key(|set| {
                        sets.push(set.clone());
                        sets.len() as u32 - 1
                    })
                };
                numbered.push((path.clone(), index));
            }
            numbered.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            *split = Some(SplitFiles {
                root: root.clone(),
                files: numbered,
            });
        }
        let names = match is_classes {
            true => Names::Classes(names),
            false => Names::Labels(names, sets),
        };
        Ok(LabelledFiles {
            names,
            splits,
            left_out,
        })
    }
}

/// Numbers by size, other labels as texts.
fn sorted(names: BTreeSet<&str>) -> Vec<String> {
    let numbers: Result<Vec<i64>, _> = names.iter().map(|name| name.parse()).collect();
    let mut names: Vec<String> = names.into_iter().map(String::from).collect();
    if numbers.is_ok() {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::labelling::options::Columns;
    use crate::data::image::labelling::rows::split_of;
    use crate::data::table::Files;

    fn world(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    fn list(folder: &Path, labelling: Labelling) -> Result<LabelledFiles, Failure> {
        let root = folder.join("images");
        let labelling = Labelling {
            label_files: labelling
                .label_files
                .or(Some(Files::One(folder.join("labels.csv")))),
            ..labelling
        };
        labelling.list([Some(&root), None, None])
    }

    fn names(split: &Option<SplitFiles>) -> Vec<String> {
        let files = split.iter().flat_map(|split| &split.files);
        files
            .map(|(path, index)| format!("{}={index}", path.display()))
            .collect()
    }

    #[test]
    fn rows_find_their_images_by_path_name_or_stem() {
        let folder = world(&[
            ("images/a/1.jpg", ""),
            ("images/2.PNG", ""),
            ("images/b/3.jpg", ""),
            ("images/4.jpg", ""),
            (
                "labels.csv",
                "image,label\na/1.jpg,cat\n2,dog\nelsewhere/images/b/3.jpg,cat\n9.jpg,dog\n",
            ),
        ]);
        let found = list(folder.path(), Labelling::default()).expect("labels");
        assert_eq!(
            found.names,
            Names::Classes(vec!["cat".into(), "dog".into()])
        );
        assert_eq!(
            names(&found.splits[0]),
            ["a/1.jpg=0", "b/3.jpg=0", "2.PNG=1"]
        );
        let message: Vec<_> = found
            .left_out
            .reasons()
            .iter()
            .map(|r| (&*r.reason, &*r.first[0]))
            .collect();
        assert_eq!(message, [(NO_IMAGE, "9.jpg"), (NO_ROW, "4.jpg")]);
    }

    #[test]
    fn a_column_of_splits_makes_three_of_one_table() {
        let folder = world(&[
            ("images/1.jpg", ""),
            ("images/2.jpg", ""),
            ("images/3.jpg", ""),
            (
                "labels.csv",
                "image,label,part\n1,x,TRAIN\n2,x,validation\n3,x,test\n",
            ),
        ]);
        let labelling = Labelling {
            split: Some("part".into()),
            ..Labelling::default()
        };
        let found = list(folder.path(), labelling).expect("labels");
        let each: Vec<_> = found.splits.iter().map(names).collect();
        assert_eq!(each, [["1.jpg=0"], ["2.jpg=0"], ["3.jpg=0"]]);
        assert!(found.left_out.is_empty());
        assert_eq!(split_of("True", "is_valid"), Some(SplitName::Valid));
        assert_eq!(split_of("0", "is_valid"), Some(SplitName::Train));
        assert_eq!(split_of("fold3", "fold"), None);
    }

    #[test]
    fn several_labels_are_sets_and_one_flag_in_each_row_is_a_class() {
        let folder = world(&[
            ("images/1.jpg", ""),
            ("images/2.jpg", ""),
            ("labels.csv", "image,tags\n1,sun sea\n2,\n"),
        ]);
        let labelling = Labelling {
            separator: Some(" ".into()),
            ..Labelling::default()
        };
        let found = list(folder.path(), labelling).expect("labels");
        let sets = vec![vec![true, true], vec![false, false]];
        assert_eq!(
            found.names,
            Names::Labels(vec!["sea".into(), "sun".into()], sets)
        );
        let flags = |rows: &str| {
            std::fs::write(
                folder.path().join("labels.csv"),
                format!("image,sea,sun\n{rows}"),
            )
            .expect("a file");
            let label = Some(Columns::Several(vec!["sea".into(), "sun".into()]));
            list(
                folder.path(),
                Labelling {
                    label,
                    ..Labelling::default()
                },
            )
        };
        assert_eq!(
            flags("1,0,1\n2,1,0\n").expect("labels").names,
            Names::Classes(vec!["sea".into(), "sun".into()])
        );
        assert!(matches!(
            flags("1,1,1\n2,1,0\n").expect("labels").names,
            Names::Labels(..)
        ));
        assert!(
            flags("1,1,7\n")
                .expect_err("no flag")
                .to_string()
                .contains("expected 0 or 1")
        );
    }

    #[test]
    fn one_list_a_class_says_the_classes() {
        let folder = world(&[
            ("images/1.jpg", ""),
            ("images/2.jpg", ""),
            ("cats.txt", "1.jpg\n"),
            ("dogs.txt", "images/2.jpg\n"),
        ]);
        let files = ["cats.txt", "dogs.txt"]
            .map(|name| folder.path().join(name))
            .to_vec();
        let labelling = Labelling {
            label_files: Some(Files::Several(files)),
            ..Labelling::default()
        };
        let found = list(folder.path(), labelling).expect("labels");
        assert_eq!(names(&found.splits[0]), ["1.jpg=0", "2.jpg=1"]);
    }
}
