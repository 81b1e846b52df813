//! `kind = "csv"`: rows of delimited text files.

use std::path::PathBuf;
use std::sync::Arc;

use super::audit::audit_tables;
use super::column_scan::ColumnScan;
use super::dataset::{Encoded, encode};
use super::error::FilesError;
use super::fit::fit;
use super::idle::{idle_options, no_pixel_scaling};
use super::open_files::{check_name, expand, open};
use super::options::{Csv, Role};
use super::plan_columns::plan_columns;
use super::plan_task::{plan_task, scale_targets};
use super::preprocess::{EmbeddedColumn, TablePreprocess};
use super::reader::TableFile;
use super::rows::{Rows, Targets};
use super::scan::scan_formats;
use super::split_rows::RowSplits;
use super::treatments::notices;
use crate::config::{Fault, Preprocess};
use crate::data::audit::Audit;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::equal_classes;
use crate::data::core::dataset::{Dataset, Progress, Skipped, Summary};
use crate::data::core::faults::{fault, key};
use crate::data::core::left_out::LeftOut;
use crate::data::core::task::Task;
use crate::data::image::augment::Augmentation;
use crate::data::image::cache::default_memory;
use crate::data::preprocess::Preprocessor;
use crate::data::source::{Datasets, Source, Survey};

impl Source for Csv {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        self.splits.resolve(seed)?;
        Ok(Box::new(TableSurvey::new(*self, seed)?))
    }
}

/// A table whose columns are known and fitted.
pub struct TableSurvey {
    options: Csv,
    preprocess: TablePreprocess,
    task: Task,
    train: Rows,
    valid: Rows,
    summary: Summary,
    skipped: Vec<Skipped>,
}

/// Whether the formats of a column's dates and numbers, or of numbers alone, are inferred.
fn free_format(options: &Csv, name: &str) -> Option<bool> {
    if options.target.list().iter().any(|target| target == name) {
        return Some(false);
    }
    let choice = options.columns.get(name).map(|choice| choice.options());
    let choice = choice.unwrap_or_default();
    match choice.role {
        None if choice.embedding.is_some() => None,
        None | Some(Role::Date) => Some(true),
        Some(Role::Numeric) => Some(false),
        Some(Role::Category | Role::Text | Role::Ignore) => None,
    }
}

/// Describes how a column is written where its fields are not plain numbers.
fn written(layout: &super::layout::Layout, scan: &ColumnScan, name: &str) -> String {
    let mut text = match layout.formats.get(name) {
        Some(format) => format!(", written {}", String::from(format.clone())),
        None => String::new(),
    };
    if scan.unread > 0 {
        text.push_str(&format!("; {} not written so are missing", scan.unread));
    }
    text + &scan.odd_quotes()
}

/// Checks that every column that the experiment names is in the table.
fn check_names(options: &Csv, names: &[String]) -> Result<(), Vec<Fault>> {
    for target in options.target.list() {
        check_name(target, names, key("target"))?;
    }
    for column in options.columns.keys() {
        check_name(column, names, key("columns").key(column))?;
    }
    for (map, columns) in [
        ("formats", options.layout.formats.keys().collect::<Vec<_>>()),
        ("missing_in", options.layout.missing_in.keys().collect()),
    ] {
        for column in columns {
            check_name(column, names, key(map).key(column))?;
        }
    }
    Ok(())
}

impl TableSurvey {
    fn new(mut options: Csv, seed: u64) -> Result<TableSurvey, Vec<Fault>> {
        options.layout = options.layout.settled();
        let mut files = open(&options.splits.train, "train", &options.layout)?;
        let names = files[0].columns.clone();
        let targets = options.target.list().to_vec();
        check_names(&options, &names)?;
        let free = |name: &str| free_format(&options, name);
        let scans = scan_formats(&mut files, free)
            .map_err(|message| fault("train", format!("is {message}")))?;
        options.layout = files[0].layout.clone();
        options.layout.width = (!files[0].has_header()).then_some(names.len());
        let mut summary = Summary::default();
        let planned = plan_columns(&options, &names, &scans, &mut summary.columns)?;
        let of = |name: &String| {
            let place = names.iter().position(|column| column == name);
            &scans[place.unwrap_or_default()]
        };
        let target_scans: Vec<&ColumnScan> = targets.iter().map(of).collect();
        let mut task = plan_task(options.task, &targets, &target_scans, &files[0].layout)?;
        idle_options(&options, &planned, &task)?;
        let mut skipped = Vec::new();
        let used: Vec<&str> = planned.iter().map(|column| &*column.name).collect();
        let splits = RowSplits {
            keys: &options.splits,
            layout: &options.layout,
            columns: &used,
            targets: &targets,
            task: &task,
        };
        let divided = splits.split(files, seed, &mut skipped)?;
        let (train, valid) = (divided.train, divided.valid);
        if train.is_empty() || valid.is_empty() {
            let name = if train.is_empty() { "train" } else { "valid" };
            return Err(fault(name, "has no row with a target"));
        }
        let columns = fit(&train, &planned, &options.defaults)
            .map_err(|message| fault("train", format!("is {message}")))?;
        if options.scale_target {
            scale_targets(&mut task, &train);
        }
        let preprocess = TablePreprocess {
            layout: options.layout.clone(),
            columns,
            targets: targets.clone(),
        };
        // Both are in the file's order.
        let mut shown = summary.columns.iter_mut();
        for column in &preprocess.columns {
            if let Some(shown) = shown.find(|shown| shown.name == column.name) {
                shown.role = column.describe(shown.missing > 0)
                    + &written(&options.layout, of(&column.name), &column.name);
                shown.inputs = column.inputs();
            }
        }
        if let Some(empty) = preprocess.columns.iter().find(|c| c.inputs() == 0) {
            let message = format!("give no input: column {:?} has no value", empty.name);
            return Err(fault("columns", message));
        }
        summary.num_train = train.len();
        summary.num_valid = valid.len();
        summary.train_counts = train.counts(&task);
        summary.valid_counts = valid.counts(&task);
        if let Some(class) = summary.train_counts.iter().position(|&count| count == 0)
            && !task.classes().is_empty()
        {
            let message = format!("has no row of class {} left", task.classes()[class]);
            return Err(fault("train", message));
        }
        summary.valid_from = divided.from;
        summary.task = task.clone();
        summary.of_rows = true;
        summary.left_out = LeftOut::of_skipped(&skipped);
        Ok(TableSurvey {
            options,
            preprocess,
            task,
            train,
            valid,
            summary,
            skipped,
        })
    }

    fn budget(&self) -> u64 {
        self.options
            .cache_memory
            .map_or_else(default_memory, |size| size.0)
    }

    fn encode(self, progress: &dyn Progress) -> Result<[Encoded; 2], Vec<Fault>> {
        let budget = self.budget();
        progress.begin("reading", self.train.len() + self.valid.len());
        let one = |rows: Rows, name: &str, budget: u64| {
            encode(rows, &self.preprocess, &self.task, budget, &|| {
                progress.tick()
            })
            .map_err(|message| fault(name, format!("is {message}")))
        };
        let inputs = self.preprocess.shape().num_elements() as u64 * 4;
        let used = self.train.len() as u64 * inputs;
        let train = one(self.train, "train", budget)?;
        let valid = one(self.valid, "valid", budget.saturating_sub(used))?;
        progress.end();
        Ok([train, valid])
    }
}

impl Survey for TableSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.preprocess.shape()
    }

    fn embedded(&self) -> Vec<EmbeddedColumn> {
        self.preprocess.embedded()
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        no_pixel_scaling(
            preprocess,
            "data.scale and data.columns say how columns are scaled",
        )
    }

    fn few(
        mut self: Box<Self>,
        num_samples: usize,
        _: Option<Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>) {
        let all = self.train.len();
        let mut keep = vec![false; all];
        let count = num_samples.min(all);
        (0..count).for_each(|index| keep[index * all / count] = true);
        self.train = self.train.filter(&keep);
        let none = self.train.filter(&vec![false; self.train.len()]);
        let encoded = encode(self.train, &self.preprocess, &self.task, u64::MAX, &|| {});
        let encoded =
            encoded.or_else(|_| encode(none, &self.preprocess, &self.task, u64::MAX, &|| {}));
        match encoded {
            Ok(encoded) => (Arc::new(encoded.dataset), encoded.skipped),
            Err(_) => unreachable!("no row has to be read"),
        }
    }

    fn prepare(
        self: Box<Self>,
        _: &Preprocess,
        _: Option<Augmentation>,
        audit: bool,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>> {
        let found = match audit {
            true => Some(
                self.look()
                    .map_err(|error| fault("train", error.to_string()))?,
            ),
            false => None,
        };
        let fingerprint = self.train.fingerprint();
        let (task, preprocess) = (self.task.clone(), self.preprocess.clone());
        let mut skipped = self.skipped.clone();
        let [train, valid] = self.encode(progress)?;
        for (encoded, name) in [(&train, "train"), (&valid, "valid")] {
            if encoded.dataset.is_empty() {
                let first = encoded.skipped.first();
                let why = first.map_or(String::new(), |s| format!(": {} {}", s.name, s.reason));
                return Err(fault(name, format!("has no row that can be used{why}")));
            }
        }
        skipped.extend(train.skipped);
        skipped.extend(valid.skipped);
        let notices = notices("the training rows", &train.treatments)
            .into_iter()
            .chain(notices("the validation rows", &valid.treatments))
            .chain(equal_classes(&task))
            .collect();
        Ok(Datasets {
            task,
            train: Arc::new(train.dataset),
            valid: Arc::new(valid.dataset),
            preprocess: Preprocessor::Table(preprocess),
            skipped,
            notices,
            audit: found,
            fingerprint,
        })
    }

    fn audit(self: Box<Self>, _: usize, _: &dyn Progress) -> Audit {
        self.look().unwrap_or_else(|error| Audit {
            unusable: vec![Skipped::new("the table", error)],
            ..Audit::default()
        })
    }
}

impl TableSurvey {
    fn look(&self) -> Result<Audit, FilesError> {
        let table = audit_tables(
            &self.train,
            &self.valid,
            &self.preprocess,
            &self.task,
            &self.summary.columns,
        )?;
        Ok(Audit {
            classes: self.task.classes().to_vec(),
            unusable: self.skipped.clone(),
            table: Some(table),
            ..Audit::default()
        })
    }
}

/// The rows of files as samples of a model.
///
/// # Errors
/// Files that do not fit the model.
pub fn labelled_rows(
    files: &[PathBuf],
    preprocess: &TablePreprocess,
    task: &Task,
) -> Result<Encoded, FilesError> {
    let open =
        |path: &PathBuf| TableFile::open(path, &preprocess.layout).map_err(|error| error.of(path));
    let mut paths = Vec::new();
    for path in files {
        let expanded = expand(path).map_err(|error| FilesError::Pattern {
            path: path.clone(),
            error,
        });
        paths.extend(expanded?);
    }
    let files: Result<Vec<TableFile>, FilesError> = paths.iter().map(open).collect();
    let targets = Targets::new(&preprocess.targets, task, &preprocess.layout);
    let mut skipped = Vec::new();
    let rows = Rows::index(files?, &preprocess.names(), &targets, &mut skipped)?;
    let mut encoded = encode(rows, preprocess, task, default_memory(), &|| {})?;
    skipped.append(&mut encoded.skipped);
    Ok(Encoded { skipped, ..encoded })
}
