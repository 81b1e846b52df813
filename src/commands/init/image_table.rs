//! A table with a column of image names: its columns of labels and splits, and the plan made of them.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::image_files::Images;
use super::plan::Plan;
use super::sets;
use crate::cli::InitArgs;
use crate::console::Show as _;
use crate::data::table::{InspectedTable, Layout, TableFile};
use crate::data::{Found, LABEL_COLUMNS, SplitName, Task, list_names, short_name, split_of};

/// Rows that are read to find the columns.
pub(super) const ROWS: usize = 500;

/// A table with a column of image names.
pub(super) struct Table {
    pub(super) looked: InspectedTable,
    pub(super) image: String,
    /// The first rows, by column.
    pub(super) rows: Vec<HashMap<String, String>>,
}

pub(super) fn looked(args: &InitArgs, table: &Path) -> Option<InspectedTable> {
    let header = match (args.header, args.no_header) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let (layout, given) = sets::layout(&args.sets, header).ok()?;
    InspectedTable::with(&[table.to_path_buf()], &layout, &given).ok()
}

/// The first rows of a table.
pub(super) fn rows(path: &Path, looked: &InspectedTable) -> Vec<HashMap<String, String>> {
    let mut rows = Vec::new();
    if let Ok(table) = TableFile::open(path, looked.layout()) {
        // A damaged row ends the walk; the rows before it do as well.
        let _ = table.walk(|row| {
            let fields = table.columns.iter().enumerate();
            rows.push(
                fields
                    .map(|(at, name)| (name.clone(), row.field(at).into_owned()))
                    .collect(),
            );
            Ok(match rows.len() < ROWS {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        });
    }
    rows
}

impl Table {
    pub(super) fn look(args: &InitArgs, path: &Path, images: &Images) -> Option<Table> {
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

    pub(super) fn speaks_of(&self, folder: &Path) -> bool {
        let Ok(images) = Images::below(folder) else {
            return false;
        };
        let index = images.index();
        self.rows.iter().any(|row| {
            row.get(&self.image)
                .is_some_and(|field| index.find(field) != Found::None)
        })
    }

    pub(super) fn field<'a>(&'a self, column: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.rows
            .iter()
            .filter_map(move |row| row.get(column))
            .map(String::as_str)
    }

    pub(super) fn is_flag(&self, column: &str) -> bool {
        self.field(column)
            .all(|field| ["0", "1", "0.0", "1.0", ""].contains(&field))
    }

    /// The column of splits, if there is one.
    pub(super) fn split(&self, labels: &[String]) -> Option<String> {
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
    pub(super) fn labels(&self, args: &InitArgs, path: &Path) -> anyhow::Result<Vec<String>> {
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

    /// The separator of several labels in a field, if there is one.
    pub(super) fn separator(&self, column: &str) -> Option<&'static str> {
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

    pub(super) fn plan(&self, args: &InitArgs, path: &Path, root: &Path) -> anyhow::Result<Plan> {
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
                        if let Ok(Task::Regression(_)) = self.looked.task(label) {
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
            let usual = serde_json::to_value(Layout::default()).unwrap_or_default();
            let (found, usual) = (layout.get(key), usual.get(key));
            if let Some(value) = found.filter(|found| Some(*found) != usual && !found.is_null()) {
                plan.say(key, value.clone(), "");
            }
        }
        plan.notes = notes;
        Ok(plan)
    }
}
