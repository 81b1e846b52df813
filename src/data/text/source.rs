//! `kind = "text"` (a column of texts in a table) and `kind = "text-folder"` (a folder a class).

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::dataset::{TextFigures, Texts, encode};
use super::preprocess::{End, MAX_LENGTH, TextPreprocess};
use super::script::is_spaceless;
use super::tokenizer::{FILTERS, Level, Splitting, WordCounts};
use crate::config::{Fault, Path, Preprocess};
use crate::console::Show as _;
use crate::data::audit::Audit;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::{equal_classes, same_classes};
use crate::data::core::dataset::{Column, Dataset, Progress, Skipped, Summary};
use crate::data::core::left_out::{LeftOut, short_name};
use crate::data::core::task::Task;
use crate::data::files::listing::{Classes, Content, Listing, list_folders};
use crate::data::image::augment::Augmentation;
use crate::data::loading::split::split_off_groups;
use crate::data::loading::split_keys::check_splits;
use crate::data::preprocess::Preprocessor;
use crate::data::source::{Datasets, Source, Survey};
use crate::data::table::{
    Files, Layout, Rows, TableAudit, TableFile, TablePreprocess, Targets, TaskKind, audit_tables,
    check_name, divide, no_pictures, open, plan_task, scale_targets, scan_formats,
};

/// The length to which long texts are cut where the experiment does not say it.
const DEFAULT_LENGTH: usize = 512;

/// How texts become tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TokenOptions {
    /// The most frequent words that are known; default: all. (Keras's `num_words` counts the padding, too.)
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub vocabulary: Option<usize>,
    /// Words that are there less often are not known.
    #[serde(default = "one")]
    pub min_count: u64,
    /// Whether unknown words have a token of their own, 1; else they are left out (Keras's default).
    #[serde(default = "yes")]
    pub oov: bool,
    /// Tokens a text; default: the most that a training text has, up to 512.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub length: Option<usize>,
    /// Where shorter texts are filled up: at the beginning ("pre", Keras's default) or the end ("post").
    #[serde(default)]
    pub pad: End,
    /// Where longer texts are cut.
    #[serde(default)]
    pub truncate: End,
    #[serde(flatten)]
    pub splitting: Splitting,
}

impl TokenOptions {
    /// # Errors
    /// An option that changes nothing beside the others.
    fn check(&self) -> Result<(), Vec<Fault>> {
        if self.splitting.level == Level::Word || self.splitting.filters == FILTERS {
            return Ok(());
        }
        let message = "is for words; of level = \"char\" every character is a token";
        Err(vec![
            Fault::new(key("filters"), message)
                .at_key()
                .hint("remove the key"),
        ])
    }
}

fn one() -> u64 {
    1
}
fn yes() -> bool {
    true
}

/// Texts in a column of a delimited text file (CSV, TSV).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Text {
    /// The file of the training texts, or several with the same columns.
    #[schemars(extend("x-path" = true))]
    train: Files,
    /// The file or files of the validation texts.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    valid: Option<Files>,
    /// Instead of `valid`: the share of the training texts that is split off (of each class, where
    /// there are classes).
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// The column of the texts.
    #[serde(default = "text")]
    text: String,
    /// The column to be predicted.
    #[serde(default = "label")]
    label: String,
    /// What the label is: default, classes where it is text or has few whole numbers, else a number.
    #[serde(default)]
    task: Option<TaskKind>,
    #[serde(flatten)]
    tokens: TokenOptions,
    #[serde(flatten)]
    layout: Layout,
}

fn text() -> String {
    "text".into()
}
fn label() -> String {
    "label".into()
}

/// Text files (.txt, UTF-8), in one folder a class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct TextFolder {
    /// The folder of the training texts.
    #[schemars(extend("x-path" = true))]
    #[serde(deserialize_with = "crate::console::read_path")]
    train: PathBuf,
    /// The folder of the validation texts.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training texts.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// Folders beside those of the classes that are none, by name.
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(flatten)]
    tokens: TokenOptions,
}

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

fn fault(name: &str, message: impl Into<String>) -> Vec<Fault> {
    vec![Fault::new(key(name), message)]
}

impl Source for Text {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        let layout = self.layout.settled();
        let mut files = open(&self.train, "train", &layout)?;
        check_name(&self.text, &files[0].columns, key("text"))?;
        check_name(&self.label, &files[0].columns, key("label"))?;
        // The label's numbers; what a text looks like is of no matter.
        let free = |name: &str| (*name == self.label).then_some(false);
        let scans = scan_formats(&mut files, free)
            .map_err(|message| fault("train", format!("is {message}")))?;
        let mut layout = files[0].layout.clone();
        layout.width = (!files[0].has_header()).then_some(files[0].columns.len());
        let column = files[0].columns.iter().position(|name| *name == self.text);
        let spaceless = column.is_some_and(|column| scans[column].is_spaceless());
        let odd_quotes = column.map_or(String::new(), |column| scans[column].odd_quotes());
        let place = files[0].columns.iter().position(|name| *name == self.label);
        let names = [self.label.clone()];
        let target = &scans[place.unwrap_or_default()];
        let mut task = plan_task(self.task, &names, &[target], &files[0].layout)?;
        self.tokens.check()?;
        if layout.has_numeric_labels() && task.classes().is_empty() {
            let message = "is for labels that are classes";
            return Err(vec![
                Fault::new(key("numeric_labels"), message)
                    .at_key()
                    .hint("remove the key"),
            ]);
        }
        let mut skipped = Vec::new();
        let mut index = |files: Vec<TableFile>, name: &str| {
            let targets = Targets::new(&names, &task, &layout);
            Rows::index(files, &[&self.text], &targets, &mut skipped)
                .map_err(|message| fault(name, format!("is {message}")))
        };
        let train = index(files, "train")?;
        let (train, valid, valid_from) = match &self.valid {
            Some(files) => {
                let valid = index(open(files, "valid", &layout)?, "valid")?;
                let from = valid.files();
                let from = from.iter().map(|path| path.shown().to_string());
                (train, valid, from.collect::<Vec<_>>().join(", "))
            }
            None => divide(train, self.valid_fraction.unwrap_or_default(), &task, seed)?,
        };
        scale_targets(&mut task, &train);
        let columns = Columns {
            text: self.text,
            targets: names.to_vec(),
            layout,
            spaceless,
            odd_quotes,
        };
        let splits = [Texts::Rows(train), Texts::Rows(valid)];
        let survey = TextSurvey::new(self.tokens, columns, task, splits, valid_from, skipped)?;
        Ok(Box::new(survey))
    }
}

impl Source for TextFolder {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        let list = |folder: &FilePath, name: &str| {
            list_texts_but(folder, &self.exclude)
                .map_err(|message| fault(name, format!("is {}, which {message}", folder.shown())))
        };
        self.tokens.check()?;
        let listed = list(&self.train, "train")?;
        let (classes, mut left_out) = (listed.classes, listed.left_out);
        let train = in_folder(&self.train, listed.files);
        if classes.len() < 2 {
            let message = format!(
                "holds one class only ({}), expected at least two",
                short_name(&classes.join(""))
            );
            return Err(fault("train", message));
        }
        let (train, valid, valid_from) = match &self.valid {
            Some(folder) => {
                let found = list(folder, "valid")?;
                same_classes(&classes, &found.classes, "data.train", "data.valid")
                    .map_err(|message| fault("valid", message))?;
                left_out.merge(found.left_out);
                let valid = in_folder(folder, found.files);
                (train, valid, folder.shown().to_string())
            }
            None => {
                let fraction = self.valid_fraction.unwrap_or_default();
                let keys = group_keys(&train, &self.train);
                let sample = |index: usize| (keys[index], train[index].1 as usize);
                let chosen = split_off_groups(train.len(), sample, fraction, seed);
                let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
                let all = Texts::Files(train);
                let (Texts::Files(train), Texts::Files(valid)) =
                    (all.filter(&others), all.filter(&chosen))
                else {
                    unreachable!("files stay files")
                };
                let from = format!("{fraction} of each class, split off with seed {seed}");
                (train, valid, from)
            }
        };
        let columns = Columns {
            text: text(),
            targets: vec![label()],
            layout: Layout::default(),
            spaceless: spaceless_files(&train),
            odd_quotes: String::new(),
        };
        let splits = [Texts::Files(train), Texts::Files(valid)];
        let task = Task::Classes(classes);
        let mut survey =
            TextSurvey::new(self.tokens, columns, task, splits, valid_from, Vec::new())?;
        survey.summary.left_out.merge(left_out);
        Ok(Box::new(survey))
    }
}

fn in_folder(folder: &FilePath, files: Vec<(Box<FilePath>, u32)>) -> Vec<(PathBuf, u32)> {
    let files = files.into_iter();
    files
        .map(|(path, class)| (folder.join(path), class))
        .collect()
}

/// The text files of a folder with one folder a class; a folder without any is no class.
///
/// # Errors
/// What is missing, in words that follow the folder's name.
pub fn list_texts(folder: &FilePath) -> Result<Listing, String> {
    list_texts_but(folder, &[])
}

/// The same without some of the folders, by name.
fn list_texts_but(folder: &FilePath, exclude: &[String]) -> Result<Listing, String> {
    let which = Classes {
        exclude,
        ..Classes::default()
    };
    let none = || "holds no folder with .txt files; it looks like train/good/1.txt".to_string();
    let mut listing = match folder.is_dir() {
        true => list_folders(folder, Content::Texts, which).map_err(|message| {
            match message.contains("no folders") {
                true => none(),
                false => message,
            }
        })?,
        false => return Err("is no folder, expected one folder a class".into()),
    };
    let mut places = vec![None; listing.classes.len()];
    for (_, class) in &listing.files {
        places[*class as usize] = Some(0);
    }
    let mut kept = Vec::new();
    for (name, place) in std::mem::take(&mut listing.classes)
        .into_iter()
        .zip(&mut places)
    {
        match place {
            Some(place) => {
                *place = kept.len() as u32;
                kept.push(name);
            }
            None => listing.left_out.add("a folder without .txt files", || name),
        }
    }
    for (_, class) in &mut listing.files {
        *class = places[*class as usize].unwrap_or_default();
    }
    listing.classes = kept;
    if listing.classes.is_empty() {
        return Err(none());
    }
    Ok(listing)
}

/// Where texts and targets stand in tables.
struct Columns {
    text: String,
    targets: Vec<String>,
    layout: Layout,
    /// Whether most texts have no blanks between words.
    spaceless: bool,
    /// What is odd about the quotes of tables, for people.
    odd_quotes: String,
}

/// Of each text file, a digest of its name within the folder; of one with the text of another before it, that of the
/// other, so that copies go to the same split.
fn group_keys(files: &[(PathBuf, u32)], folder: &FilePath) -> Vec<u64> {
    let name = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        xxh3_64(name.to_string_lossy().as_bytes())
    };
    let mut keys: Vec<u64> = files.iter().map(|(path, _)| name(path)).collect();
    let mut first = std::collections::HashMap::new();
    // A file that cannot be read keeps its own; it is left out later.
    let _ = Texts::Files(files.to_vec()).visit(|index, text| {
        if let Ok(text) = text {
            let digest = xxh3_64(text.trim().as_bytes());
            keys[index] = *first.entry(digest).or_insert(keys[index]);
        }
    });
    keys
}

/// Files that are read to tell their script.
const SCRIPT_OF: usize = 100;

/// Whether most of some text files have no blanks between words.
fn spaceless_files(files: &[(PathBuf, u32)]) -> bool {
    let step = files.len().div_ceil(SCRIPT_OF).max(1);
    let some: Vec<(PathBuf, u32)> = files.iter().step_by(step).cloned().collect();
    let (mut count, all) = (0, some.len());
    let read = Texts::Files(some).visit(|_, text| {
        count += usize::from(text.is_ok_and(is_spaceless));
    });
    read.is_ok() && 2 * count > all
}

/// Listed texts, the tokenizer fitted.
struct TextSurvey {
    preprocess: TextPreprocess,
    task: Task,
    splits: [Texts; 2],
    summary: Summary,
    skipped: Vec<Skipped>,
}

impl TextSurvey {
    fn new(
        options: TokenOptions,
        columns: Columns,
        task: Task,
        splits: [Texts; 2],
        valid_from: String,
        skipped: Vec<Skipped>,
    ) -> Result<TextSurvey, Vec<Fault>> {
        for (texts, name) in splits.iter().zip(["train", "valid"]) {
            let counts = texts.counts(&task);
            if texts.is_empty() {
                return Err(fault(name, "has no text with a label"));
            }
            // Validation may lack a class: of a rare one, every text may be needed in training.
            if let (Task::Classes(classes), Some(class), "train") =
                (&task, counts.iter().position(|&count| count == 0), name)
            {
                return Err(fault(
                    name,
                    format!("has no text of class {}", short_name(&classes[class])),
                ));
            }
        }
        // Where the experiment does not say what a word is, the script does.
        let by_script = columns.spaceless && options.splitting == Splitting::default();
        let splitting = match by_script {
            true => Splitting::of_script(true),
            false => options.splitting,
        };
        let mut counts = WordCounts::new(splitting);
        let mut lengths = Vec::with_capacity(splits[0].len());
        splits[0]
            .visit(|_, text| lengths.push(text.map_or(0, |text| counts.add(text))))
            .map_err(|message| fault("train", format!("is {message}")))?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let (tokenizer, _) = counts.fit(options.vocabulary, options.min_count);
        if tokenizer.num_words() == 0 {
            return Err(fault("train", "has no word in any text"));
        }
        let length = options.length.unwrap_or(longest.clamp(1, DEFAULT_LENGTH));
        let preprocess = TextPreprocess {
            tokenizer,
            oov: options.oov,
            length: length.min(MAX_LENGTH),
            pad: options.pad,
            truncate: options.truncate,
            text: columns.text,
            targets: columns.targets,
            layout: columns.layout,
        };
        let mut role = format!(
            "text: {} known words; {} tokens, the longest has {longest} words",
            preprocess.tokenizer.num_words(),
            preprocess.length
        );
        if by_script {
            role.push_str(
                "; its script has no blanks, so characters are words (level = \"unicode\")",
            );
        }
        role.push_str(&columns.odd_quotes);
        let shown = Column {
            name: preprocess.text.clone(),
            role,
            inputs: preprocess.length,
            missing: lengths.iter().filter(|&&length| length == 0).count(),
        };
        let summary = Summary {
            num_train: splits[0].len(),
            num_valid: splits[1].len(),
            num_test: 0,
            train_counts: splits[0].counts(&task),
            valid_counts: splits[1].counts(&task),
            task: task.clone(),
            columns: vec![shown],
            valid_from,
            left_out: LeftOut::of_skipped(&skipped),
            of_rows: matches!(splits[0], Texts::Rows(_)),
            warnings: Vec::new(),
        };
        Ok(TextSurvey {
            preprocess,
            task,
            splits,
            summary,
            skipped,
        })
    }

    /// Files that are no texts; rows that cannot be used are told as such.
    fn folder_left_out(&self) -> LeftOut {
        match &self.splits[0] {
            Texts::Files(_) => self.summary.left_out.clone(),
            Texts::Rows(_) => LeftOut::default(),
        }
    }

    /// # Errors
    /// A table that cannot be read any more.
    fn look(&self) -> Result<Audit, String> {
        let table = match &self.splits {
            [Texts::Rows(train), Texts::Rows(valid)] => {
                let no_columns = TablePreprocess {
                    layout: self.preprocess.layout.clone(),
                    columns: Vec::new(),
                    targets: self.preprocess.targets.clone(),
                };
                audit_tables(train, valid, &no_columns, &self.task, &self.summary.columns)?
            }
            [train, valid] => audit_files(train, valid)?,
        };
        Ok(Audit {
            classes: self.task.classes().to_vec(),
            unusable: self.skipped.clone(),
            left_out: self.folder_left_out(),
            table: Some(table),
            ..Audit::default()
        })
    }
}

/// Files with the same text.
fn audit_files(train: &Texts, valid: &Texts) -> Result<TableAudit, String> {
    let digests = |texts: &Texts| -> Result<Vec<u64>, String> {
        let mut digests = vec![0; texts.len()];
        texts.visit(|index, text| {
            digests[index] = xxh3_64(text.unwrap_or_default().trim().as_bytes());
        })?;
        Ok(digests)
    };
    let mut audit = TableAudit {
        rows: [train.len(), valid.len()],
        ..TableAudit::default()
    };
    let mut seen = std::collections::HashMap::new();
    for (index, digest) in digests(train)?.into_iter().enumerate() {
        audit.num_repeated += usize::from(*seen.entry(digest).or_insert(index) != index);
    }
    for (index, digest) in digests(valid)?.into_iter().enumerate() {
        if let Some(&twin) = seen.get(&digest) {
            audit.num_shared += 1;
            audit.shared.push((train.name(twin), valid.name(index)));
        }
    }
    Ok(audit)
}

/// What the user should know of the texts of a split.
pub fn text_notices(what: &str, figures: &TextFigures) -> Vec<String> {
    let texts = figures.texts;
    let mut notices = Vec::new();
    if figures.empty > 0 {
        notices.push(format!(
            "{} of {texts} {what} have no word: they are nothing but padding",
            figures.empty
        ));
    }
    if figures.cut > 0 {
        notices.push(format!(
            "{} of {texts} {what} are cut to data.length",
            figures.cut
        ));
    }
    if figures.unknown > 0 {
        notices.push(format!(
            "{} of {} words in {what} are not known ({:.1}%)",
            figures.unknown,
            figures.words,
            100.0 * figures.unknown as f64 / figures.words.max(1) as f64
        ));
    }
    notices
}

impl Survey for TextSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.preprocess.shape()
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        no_pictures(
            preprocess,
            "tokens are not scaled; an embedding layer takes them",
        )
    }

    fn few(
        self: Box<Self>,
        num_samples: usize,
        _: Option<Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>) {
        let [train, _] = self.splits;
        let all = train.len();
        let mut keep = vec![false; all];
        let count = num_samples.min(all);
        (0..count).for_each(|index| keep[index * all / count] = true);
        let none = train.filter(&vec![false; all]);
        let encoded = encode(train.filter(&keep), &self.preprocess, &self.task, &|| {})
            .or_else(|_| encode(none, &self.preprocess, &self.task, &|| {}));
        match encoded {
            Ok((dataset, _, skipped)) => (Arc::new(dataset), skipped),
            Err(_) => unreachable!("no text has to be read"),
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
            true => Some(self.look().map_err(|message| fault("train", message))?),
            false => None,
        };
        let fingerprint = self.splits[0].fingerprint();
        let fingerprint = fingerprint.map_err(|message| fault("train", message))?;
        let [train, valid] = self.splits;
        progress.begin("reading", train.len() + valid.len());
        let one = |texts: Texts, name: &str| {
            encode(texts, &self.preprocess, &self.task, &|| progress.tick())
                .map_err(|message| fault(name, format!("is {message}")))
        };
        let (train, train_figures, mut skipped) = one(train, "train")?;
        let (valid, valid_figures, more) = one(valid, "valid")?;
        progress.end();
        skipped.extend(more);
        skipped.extend(self.skipped);
        for (dataset, name) in [(&train, "train"), (&valid, "valid")] {
            if dataset.is_empty() {
                return Err(fault(name, "has no text that can be used"));
            }
        }
        let mut notices = text_notices("training texts", &train_figures);
        notices.extend(text_notices("validation texts", &valid_figures));
        notices.extend(equal_classes(&self.task));
        Ok(Datasets {
            task: self.task,
            train: Arc::new(train),
            valid: Arc::new(valid),
            preprocess: Preprocessor::Text(self.preprocess),
            skipped,
            notices,
            audit: found,
            fingerprint,
        })
    }

    fn audit(self: Box<Self>, _: usize, _: &dyn Progress) -> Audit {
        self.look().unwrap_or_else(|reason| Audit {
            unusable: vec![Skipped {
                name: "the texts".into(),
                reason,
            }],
            ..Audit::default()
        })
    }
}
