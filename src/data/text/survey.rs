//! A split dataset of texts with its tokenizer fitted.

use std::sync::Arc;

use super::dataset::{Texts, encode};
use super::notices::{audit_files, text_notices};
use super::options::TokenOptions;
use super::preprocess::{MAX_LENGTH, TextPreprocess};
use super::tokenizer::{Splitting, WordCounts};
use crate::config::{Fault, Preprocess};
use crate::data::audit::Audit;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::equal_classes;
use crate::data::core::dataset::{Column, Dataset, Progress, Skipped, Summary};
use crate::data::core::faults::fault;
use crate::data::core::left_out::{LeftOut, short_name};
use crate::data::core::task::Task;
use crate::data::image::augment::Augmentation;
use crate::data::loading::divided::Divided;
use crate::data::preprocess::Preprocessor;
use crate::data::source::{Datasets, Survey};
use crate::data::table::{FilesError, Layout, TablePreprocess, audit_tables, no_pixel_scaling};

/// The length to which long texts are cut if the experiment does not set it.
const DEFAULT_LENGTH: usize = 512;

/// The columns of texts and targets in tables.
pub struct Columns {
    pub(super) text: String,
    pub(super) targets: Vec<String>,
    pub(super) layout: Layout,
    /// Whether most texts have no spaces between words.
    pub(super) spaceless: bool,
    /// A message about quotes of a table that are not closed.
    pub(super) odd_quotes: String,
}

/// Listed texts, the tokenizer fitted.
pub struct TextSurvey {
    pub(super) preprocess: TextPreprocess,
    pub(super) task: Task,
    pub(super) splits: [Texts; 2],
    pub(super) summary: Summary,
    pub(super) skipped: Vec<Skipped>,
}

impl TextSurvey {
    pub(super) fn new(
        options: TokenOptions,
        columns: Columns,
        task: Task,
        divided: Divided<Texts>,
        skipped: Vec<Skipped>,
    ) -> Result<TextSurvey, Vec<Fault>> {
        let (splits, valid_from) = ([divided.train, divided.valid], divided.from);
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
        // Unless the experiment sets the splitting, the script does.
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
            ignored: None,
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

    /// Files that are not texts; rows that cannot be used are reported as unusable.
    fn folder_left_out(&self) -> LeftOut {
        match &self.splits[0] {
            Texts::Files(_) => self.summary.left_out.clone(),
            Texts::Rows(_) => LeftOut::default(),
        }
    }

    /// # Errors
    /// A table that cannot be read any more.
    pub(super) fn look(&self) -> Result<Audit, FilesError> {
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

impl Survey for TextSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.preprocess.shape()
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        no_pixel_scaling(
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
        self.look().unwrap_or_else(|error| Audit {
            unusable: vec![Skipped::new("the texts", error)],
            ..Audit::default()
        })
    }
}
