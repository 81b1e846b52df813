//! `kind = "text"`: texts in a column of a table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::dataset::Texts;
use super::options::{TokenOptions, label, text};
use super::survey::{Columns, TextSurvey};
use crate::config::Fault;
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::faults::{fault, key};
use crate::data::loading::split_keys::check_splits;
use crate::data::source::{Source, Survey};
use crate::data::table::{
    Files, Layout, Rows, TableFile, Targets, TaskKind, check_name, divide, open, plan_task,
    scale_targets, scan_formats,
};

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
        // Only the label may be a formatted number.
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
