//! A starter for images whose labels stand in a table or in lists beside them.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::plan::Plan;
use super::sets;
use crate::cli::InitArgs;
use crate::console::Show as _;
use crate::data::table::{Looked, TableFile};
use crate::data::{
    FolderLayout, Found, IMAGE_COLUMNS, ImageIndex, LABEL_COLUMNS, SplitName, Task,
    is_picture_name, list_names, pictures_below, short_name, split_name, split_of,
};
use crate::storage::read_text;

/// The most bytes of a list of images.
const MAX_LIST: u64 = 256 << 20;

/// Rows that are looked at.
const ROWS: usize = 500;
/// Ends of the names of tables and lists, in small letters.
const ENDS: [&str; 6] = ["csv", "tsv", "tab", "txt", "lst", "xlsx"];

/// The tables and lists in a folder and the one above the images, sorted.
pub(super) fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_table = |path: &PathBuf| {
        let end = path
            .extension()
            .map(|end| end.to_string_lossy().to_lowercase());
        path.is_file() && end.is_some_and(|end| ENDS.contains(&&*end))
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_table).collect();
    files.sort();
    files
}

/// The tables near images that lie side by side, if they tell their labels.
///
/// # Errors
/// Tables of which one, or a column of one, has to be named.
pub(super) fn near(
    args: &InitArgs,
    folder: &Path,
    layout: &FolderLayout,
) -> anyhow::Result<Option<Plan>> {
    let mut folders = vec![folder.to_path_buf(), layout.train.clone()];
    folders.extend(
        layout
            .train
            .parent()
            .filter(|parent| parent.starts_with(folder))
            .map(Path::to_path_buf),
    );
    folders.sort();
    folders.dedup();
    let tables: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| list_files(folder))
        .collect();
    let root = match layout.valid.is_some() || layout.test.is_some() {
        true => folder.to_path_buf(),
        false => layout.train.clone(),
    };
    let images = Images::below(&root)?;
    let mut found: Vec<(PathBuf, Table)> = Vec::new();
    let mut lists: Vec<PathBuf> = Vec::new();
    for table in tables {
        match Table::look(args, &table, &images) {
            Some(looked) if looked.looked.columns().len() > 1 => found.push((table, looked)),
            Some(_) => lists.push(table),
            None if is_list_of(&table, &images) => lists.push(table),
            None => {}
        }
    }
    if found.is_empty() {
        // Lists called as splits have no labels.
        lists.retain(|list| split_name(&stem(list)).is_none());
        if lists.len() < 2 {
            return Ok(None);
        }
        let mut plan = Plan::of("image-folder", "images with one list a class");
        plan.splits(&root, None, None);
        plan.at_all("label_files", &lists, "one a class, called as the class");
        let names: Vec<String> = lists.iter().map(|list| stem(list)).collect();
        plan.notes
            .push(format!("one list a class: {}", list_names(&names)));
        return Ok(Some(plan));
    }
    let by_split = |split: SplitName| {
        found
            .iter()
            .find(|(path, _)| split_name(&stem(path)) == Some(split))
    };
    let first = by_split(SplitName::Train).unwrap_or(&found[0]);
    let mut plan = first.1.plan(args, &first.0, &root)?;
    if !plan.has("split") {
        let others = [
            (SplitName::Valid, "valid_label_files"),
            (SplitName::Test, "test_label_files"),
        ];
        for (split, key) in others
            .into_iter()
            .filter(|_| split_name(&stem(&first.0)) == Some(SplitName::Train))
        {
            if let Some((path, table)) = by_split(split) {
                // A table without labels is for predict.
                if table.looked.columns().len() >= first.1.looked.columns().len() {
                    plan.at(key, path, "");
                    if split == SplitName::Valid {
                        plan.remove("valid_fraction");
                    }
                }
            }
        }
    }
    for split in [&layout.valid, &layout.test].into_iter().flatten() {
        if first.1.speaks_of(split) {
            continue;
        }
        if !plan.has("valid_label_files") && !plan.has("test_label_files") {
            plan.unlabelled.push(split.clone());
        }
    }
    plan.unlabelled.extend(layout.unlabelled.iter().cloned());
    Ok(Some(plan))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether the lines of a file are images.
fn is_list_of(path: &Path, images: &Images) -> bool {
    let Ok(text) = read_text(path, MAX_LIST) else {
        return false;
    };
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(ROWS)
        .collect();
    let index = images.index();
    let hits = lines
        .iter()
        .filter(|line| index.find(line) != Found::None)
        .count();
    !lines.is_empty() && hits * 10 >= lines.len() * 9
}

/// The images below a folder.
struct Images {
    root: PathBuf,
    files: Vec<Box<Path>>,
}

impl Images {
    fn below(root: &Path) -> anyhow::Result<Images> {
        let (files, _) =
            pictures_below(root).map_err(|message| anyhow!("{} {message}", root.shown()))?;
        Ok(Images {
            root: root.to_path_buf(),
            files,
        })
    }

    fn index(&self) -> ImageIndex<'_> {
        ImageIndex::new(&self.files, &self.root)
    }

    /// The folder that all of them lie in.
    fn common(&self) -> PathBuf {
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

/// A table one column of which speaks of images.
struct Table {
    looked: Looked,
    image: String,
    /// The first rows, by column.
    rows: Vec<HashMap<String, String>>,
}

/// What the experiment for a table beside images says; `None` where the table speaks of none.
///
/// # Errors
/// A column that has to be named; a target that is no class.
pub(super) fn plan(args: &InitArgs, table: &Path) -> anyhow::Result<Option<Plan>> {
    // Only a table that looks as if it named images is worth a walk through the folders below it.
    let Some(looked) = looked(args, table) else {
        return Ok(None);
    };
    let rows = rows(table, &looked);
    let names_images = |column: &str| {
        IMAGE_COLUMNS.contains(&&*column.to_lowercase())
            || rows
                .iter()
                .filter(|row| {
                    row.get(column)
                        .is_some_and(|field| is_picture_name(Path::new(field)))
                })
                .count()
                * 2
                > rows.len()
    };
    if !looked
        .columns()
        .iter()
        .any(|column| names_images(&column.name))
    {
        return Ok(None);
    }
    let folder = table
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let images = Images::below(folder)?;
    if images.files.is_empty() {
        return Ok(None);
    }
    match Table::look(args, table, &images) {
        Some(found) => found.plan(args, table, &images.common()).map(Some),
        None => Ok(None),
    }
}

fn looked(args: &InitArgs, table: &Path) -> Option<Looked> {
    let header = match (args.header, args.no_header) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let (layout, given) = sets::layout(&args.sets, header).ok()?;
    Looked::with(&[table.to_path_buf()], &layout, &given).ok()
}

/// The first rows of a table.
fn rows(path: &Path, looked: &Looked) -> Vec<HashMap<String, String>> {
    let mut rows = Vec::new();
    if let Ok(table) = TableFile::open(path, looked.layout()) {
        // Ends with an error of no interest once there are enough.
        let _ = table.for_each(|row| {
            let fields = table.columns.iter().enumerate();
            rows.push(
                fields
                    .map(|(at, name)| (name.clone(), row.field(at).into_owned()))
                    .collect(),
            );
            if rows.len() < ROWS {
                Ok(())
            } else {
                Err(String::new())
            }
        });
    }
    rows
}

impl Table {
    fn look(args: &InitArgs, path: &Path, images: &Images) -> Option<Table> {
        let looked = looked(args, path)?;
        let rows = rows(path, &looked);
        let index = images.index();
        let hits = |column: &str| {
            let fields = rows.iter().filter_map(|row| row.get(column));
            fields
                .filter(|field| matches!(index.find(field), Found::One(_)))
                .count()
        };
        let columns = looked.columns().into_iter();
        let best = columns
            .map(|column| (hits(&column.name), column.name))
            .rev()
            .max_by_key(|(hits, _)| *hits);
        let (hits, image) = best?;
        (hits > 0 && hits * 2 >= rows.len()).then_some(Table {
            looked,
            image,
            rows,
        })
    }

    fn speaks_of(&self, folder: &Path) -> bool {
        let Ok(images) = Images::below(folder) else {
            return false;
        };
        let index = images.index();
        self.rows.iter().any(|row| {
            row.get(&self.image)
                .is_some_and(|field| index.find(field) != Found::None)
        })
    }

    fn field<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.rows
            .iter()
            .filter_map(move |row| row.get(column))
            .map(String::as_str)
    }

    fn is_flag(&self, column: &str) -> bool {
        self.field(column)
            .all(|field| ["0", "1", "0.0", "1.0", ""].contains(&field))
    }

    /// The column that says the split, if one does.
    fn split(&self, labels: &[String]) -> Option<String> {
        const WORDS: [&str; 10] = [
            "split",
            "set",
            "subset",
            "fold",
            "usage",
            "partition",
            "phase",
            "is_valid",
            "is_test",
            "train",
        ];
        let columns = self.looked.columns();
        let named = |column: &String| {
            let name = column.to_lowercase();
            WORDS
                .iter()
                .any(|word| name.split(['_', ' ', '-']).any(|part| part == *word) || name == *word)
        };
        let says = |column: &String| {
            let splits: Option<BTreeSet<SplitName>> = self
                .field(column)
                .map(|field| split_of(field, column))
                .collect();
            splits.is_some_and(|splits| splits.contains(&SplitName::Train))
        };
        let names = columns.into_iter().map(|column| column.name);
        names
            .filter(|name| *name != self.image && !labels.contains(name))
            .find(|name| named(name) && says(name))
    }

    /// The columns of the labels.
    fn labels(&self, args: &InitArgs, path: &Path) -> anyhow::Result<Vec<String>> {
        let names: Vec<String> = self
            .looked
            .columns()
            .into_iter()
            .map(|column| column.name)
            .collect();
        if let Some(said) = &args.target {
            let column = |said: &str| match self.looked.column(said) {
                Some(name) => Ok(name.clone()),
                None => Err(anyhow!(
                    "{} has no column {said:?}; it has {}",
                    path.shown(),
                    list_names(&names)
                )),
            };
            return match self.looked.column(said) {
                Some(name) => Ok(vec![name.clone()]),
                None => said.split(',').map(|part| column(part.trim())).collect(),
            };
        }
        let others: Vec<String> = names
            .iter()
            .filter(|name| **name != self.image)
            .cloned()
            .collect();
        if let [only] = &others[..] {
            return Ok(vec![only.clone()]);
        }
        let usual = LABEL_COLUMNS
            .iter()
            .find_map(|usual| others.iter().find(|name| name.to_lowercase() == *usual));
        if let Some(label) = usual {
            return Ok(vec![label.clone()]);
        }
        let split = self.split(&[]);
        let flags: Vec<String> = others
            .iter()
            .filter(|name| Some(*name) != split.as_ref() && self.is_flag(name))
            .cloned()
            .collect();
        let rest = others
            .iter()
            .filter(|name| Some(*name) != split.as_ref())
            .count();
        if flags.len() > 1 && flags.len() == rest {
            return Ok(flags);
        }
        bail!(
            "which column is the label? `kiln init {} --target NAME`, of {} ({} holds the images' names; several columns \
             of 0 and 1: --target A,B)",
            args.folder
                .join(path.strip_prefix(&args.folder).unwrap_or(Path::new("")))
                .shown(),
            list_names(&others),
            short_name(&self.image)
        )
    }

    /// What stands between several labels in a field, if something does.
    fn separator(&self, column: &str) -> Option<&'static str> {
        let fields: Vec<&str> = self.field(column).collect();
        let is_between = |separator: &&str| {
            let parts = |field: &str| -> Vec<String> {
                let parts = field.split(*separator).map(str::trim);
                parts
                    .filter(|part| !part.is_empty())
                    .map(str::to_string)
                    .collect()
            };
            let several = fields.iter().filter(|field| parts(field).len() > 1).count();
            let counts: BTreeSet<usize> = fields.iter().map(|field| parts(field).len()).collect();
            let whole: BTreeSet<&str> = fields.iter().copied().collect();
            let single: BTreeSet<String> = fields.iter().flat_map(|field| parts(field)).collect();
            // Labels are put together in many ways; words of names are not.
            let combined = whole.len() * 2 >= single.len() * 3;
            match *separator {
                " " | "," => several * 10 >= fields.len() && counts.len() > 1 && combined,
                _ => several > 0,
            }
        };
        ["|", ";", ",", " "]
            .into_iter()
            .find(|separator| is_between(separator))
    }

    fn plan(&self, args: &InitArgs, path: &Path, root: &Path) -> anyhow::Result<Plan> {
        let labels = self.labels(args, path)?;
        let mut plan = Plan::of("image-folder", "images with labels in a table");
        plan.photographs = true;
        plan.splits(root, None, None);
        plan.at("label_files", path, "");
        plan.say(
            "image",
            self.image.clone(),
            "the column with the images' names",
        );
        let mut notes = vec![format!(
            "{}: the images' names stand in the column {}",
            path.shown(),
            self.image
        )];
        match &labels[..] {
            [label] => {
                plan.say("label", label.clone(), "the column with the class");
                match self.separator(label) {
                    Some(separator) => {
                        plan.say(
                            "separator",
                            separator,
                            "between several labels of one image",
                        );
                        notes.push(format!(
                            "{label}: several labels, with {separator:?} between them"
                        ));
                    }
                    None => {
                        if let Ok(Task::Numbers(_)) = self.looked.task(label) {
                            bail!(
                                "{}: the column {label:?} holds numbers, and of images Kiln predicts classes or labels; \
                                 write what is to be told apart into a column (\"low\", \"high\")",
                                path.shown()
                            );
                        }
                    }
                }
            }
            several => {
                plan.say("label", Value::from(several.to_vec()), "columns of 0 and 1");
                notes.push(format!(
                    "columns of 0 and 1 are the labels: {}",
                    list_names(several)
                ));
            }
        }
        if let Some(split) = self.split(&labels) {
            let splits: BTreeSet<SplitName> = self
                .field(&split)
                .filter_map(|field| split_of(field, &split))
                .collect();
            if splits.contains(&SplitName::Valid) {
                plan.remove("valid_fraction");
            }
            notes.push(format!("{split}: says which split an image is of"));
            plan.say("split", split, "the column that says the split");
        }
        let layout = serde_json::to_value(self.looked.layout()).unwrap_or_default();
        for key in ["header", "delimiter", "quote", "encoding", "comment"] {
            let usual =
                serde_json::to_value(crate::data::table::Layout::default()).unwrap_or_default();
            let (found, usual) = (layout.get(key), usual.get(key));
            if let Some(value) = found.filter(|found| Some(*found) != usual && !found.is_null()) {
                plan.say(key, value.clone(), "");
            }
        }
        plan.notes = notes;
        Ok(plan)
    }
}
