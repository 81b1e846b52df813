//! `kind = "text"`: texts in a column of a table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::dataset::Texts;
use super::options::{TokenOptions, label, text};
use super::survey::{Columns, TextSurvey};
use crate::config::Fault;
use crate::data::core::batch::Shape;
use crate::data::core::faults::{fault, key};
use crate::data::loading::split_keys::{SplitKeys, describe_keys};
use crate::data::source::{Source, Survey};
use crate::data::table::{
    Files, Layout, RowSplits, TaskKind, check_name, open, plan_task, scale_targets, scan_formats,
};

/// Texts in a column of a delimited text file (CSV, TSV).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The file of the training texts, or several with the same columns."),
    ("valid", "The file or files of the validation texts."),
    ("valid_fraction", "Instead of `valid`: the share of the training texts that is split off (of each class, where\nthere are classes)."),
]))]
pub struct Text {
    #[serde(flatten)]
    splits: SplitKeys<Files>,
    /// The column of the texts.
    #[serde(default = "text")]
    text: String,
    /// The column to be predicted.
    #[serde(default = "label")]
    label: String,
    /// The kind of label. Default: classification if it is text or has few distinct integers, else regression.
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
        self.splits.resolve(seed)?;
        let layout = self.layout.settled();
        let mut files = open(&self.splits.train, "train", &layout)?;
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
        let splits = RowSplits {
            keys: &self.splits,
            layout: &layout,
            columns: &[&self.text],
            targets: &names,
            task: &task,
        };
        let divided = splits.split(files, seed, &mut skipped)?;
        scale_targets(&mut task, &divided.train);
        let columns = Columns {
            text: self.text,
            targets: names.to_vec(),
            layout,
            spaceless,
            odd_quotes,
        };
        let divided = divided.map(Texts::Rows);
        let survey = TextSurvey::new(self.tokens, columns, task, divided, skipped)?;
        Ok(Box::new(survey))
    }
}
