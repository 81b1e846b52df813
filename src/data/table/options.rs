//! The options of a table and of its columns.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::layout::Layout;
use crate::config::{ByteSize, other_names};
use crate::data::loading::split_keys::{SplitKeys, describe_keys};

/// Rows of a delimited text file (CSV, TSV): numbers, categories and text as inputs; classification, multi-label or
/// regression targets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The file of the training rows, or several with the same columns."),
    ("valid", "The file or files of the validation rows."),
    ("valid_fraction", "Instead of `valid`: the share of the training rows that is split off (of each class, where\nthere are classes)."),
]))]
pub struct Csv {
    #[serde(flatten)]
    pub splits: SplitKeys<Files>,
    /// The column to be predicted, or several.
    pub target: Names,
    /// The kind of target. Default: classification if it is text or has few distinct integers; multi-label if several
    /// columns hold only 0 and 1; heads if some of several columns are text; else regression.
    #[serde(default)]
    pub task: Option<TaskKind>,
    /// The role of columns by name: "numeric", "category", "text", "date", "ignore", or a table of options;
    /// default: inferred from their values.
    #[serde(default)]
    pub columns: BTreeMap<String, Choice>,
    #[serde(flatten)]
    pub defaults: ColumnDefaults,
    /// Whether regression targets are standardized (mean 0, deviation 1) for the net. Metrics and predictions are in the
    /// units of the data either way; the loss is not.
    #[serde(default = "yes")]
    pub scale_target: bool,
    /// Encoded rows are cached in that much memory, else read again in every epoch; default: a quarter of the free memory.
    #[serde(default)]
    pub cache_memory: Option<ByteSize>,
    #[serde(flatten)]
    pub layout: Layout,
}

fn yes() -> bool {
    true
}

/// Defaults of all columns.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct ColumnDefaults {
    /// How numbers are scaled.
    #[serde(default)]
    pub scale: Scaling,
    /// How missing numbers are imputed; missing categories are a category of their own.
    #[serde(default)]
    pub impute: Impute,
    /// How categories that training did not have are handled.
    #[serde(default)]
    pub unseen: Unseen,
}

/// One file, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// One.
    One(#[serde(deserialize_with = "crate::console::read_path")] PathBuf),
    /// Several, with the same columns.
    Several(
        #[schemars(length(min = 1))]
        #[serde(deserialize_with = "crate::console::read_paths")]
        Vec<PathBuf>,
    ),
}

impl Files {
    /// All of them.
    pub fn list(&self) -> &[PathBuf] {
        match self {
            Files::One(path) => std::slice::from_ref(path),
            Files::Several(paths) => paths,
        }
    }
}

/// One name, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

impl Names {
    /// All of them.
    pub fn list(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

/// The kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One class of several.
    Classification,
    /// Regression: one number, or several.
    Regression,
    /// Multi-label: columns of 0 or 1, any number of which may be 1.
    Labels,
    /// Several columns, each a class or a number, predicted by one head of the net each.
    Heads,
}

/// A role, or options.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// The role alone.
    Role(Role),
    /// The role and more.
    Options(Box<ColumnOptions>),
}

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Numbers.
    Numeric,
    /// One of several values.
    Category,
    /// Words, counted.
    Text,
    /// Dates and times: year, month, day of week, hour, days since the first, of which those that vary are used.
    Date,
    /// Not used.
    Ignore,
}

/// The options of a column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnOptions {
    /// Its role.
    #[serde(default)]
    pub role: Option<Role>,
    /// How its numbers are scaled.
    #[serde(default)]
    pub scale: Option<Scaling>,
    /// How missing values are imputed.
    #[serde(default)]
    pub impute: Option<Impute>,
    /// The number or category that replaces missing values, instead of `impute`.
    #[serde(default)]
    pub fill: Option<Fill>,
    /// Adds an input that is 1 where the number is missing.
    #[serde(default)]
    pub indicator: bool,
    /// How categories that training did not have are handled.
    #[serde(default)]
    pub unseen: Option<Unseen>,
    /// How many of the most frequent categories are kept; the others count as unseen. Default 1000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_categories: Option<usize>,
    /// A trained embedding per category: its dimension, or the options of the layer `embedding` ({ dim = 8, weight_init =
    /// "normal", l2 = 1e-4 }). The column is then categorical.
    #[serde(default)]
    pub embedding: Option<Embedding>,
    /// For text: how many of the most frequent words are kept. Default 1000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub vocabulary: Option<usize>,
    /// For text: the value of a word's input.
    #[serde(default)]
    pub count: Option<Counting>,
}

impl Choice {
    /// As options.
    pub fn options(&self) -> ColumnOptions {
        match self {
            Choice::Role(role) => ColumnOptions {
                role: Some(*role),
                ..ColumnOptions::default()
            },
            Choice::Options(options) => (**options).clone(),
        }
    }
}

/// How numbers are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = scaling_names)]
pub enum Scaling {
    /// Standardized to mean 0 and standard deviation 1 (scikit-learn's `StandardScaler`).
    #[default]
    #[serde(alias = "standardise")]
    Standardize,
    /// Scaled to 0 for the minimum and 1 for the maximum (`MinMaxScaler`).
    MinMax,
    /// Not at all.
    None,
}

fn scaling_names(schema: &mut Schema) {
    other_names(schema, &[("standardize", "standardise")]);
}

/// How missing values are imputed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Impute {
    /// The mean of the training rows; for categories, a category of its own.
    #[default]
    Mean,
    /// The median of the training rows; for categories, a category of its own.
    Median,
    /// The most frequent value of the training rows.
    MostFrequent,
    /// Nothing: a missing value is an error.
    Refuse,
}

/// The embedding of a categorical column.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Embedding {
    /// The embedding dimension.
    Dim(#[schemars(range(min = 1))] usize),
    /// Options of the layer `embedding`.
    Options(BTreeMap<String, Value>),
}

impl Embedding {
    /// The options of the layer.
    pub fn options(&self) -> Value {
        match self {
            Embedding::Dim(dim) => json!({ "dim": dim }),
            Embedding::Options(options) => json!(options),
        }
    }
}

/// A value that is given.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Fill {
    /// A number.
    Number(f64),
    /// A category.
    Category(String),
}

/// How categories that training did not have are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// All inputs are 0; such fields are counted and reported.
    #[default]
    Ignore,
    /// They count as missing values.
    Missing,
    /// The row cannot be used.
    Error,
}

/// The value of a word's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// The word's count.
    Count,
    /// 1 if the word occurs, else 0.
    Binary,
    /// TF-IDF, normalized to length 1 (scikit-learn's `TfidfVectorizer`).
    #[default]
    TfIdf,
}
