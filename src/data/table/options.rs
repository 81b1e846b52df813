//! What an experiment may say of the columns of a table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::layout::Layout;
use crate::config::{ByteSize, other_names};
use crate::data::loading::split_keys::{SplitKeys, describe_keys};

/// Rows of a delimited text file (CSV, TSV): numbers, categories and text in, a class, labels or numbers out.
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
    /// What the target is: default, classes where it is text or has few whole numbers, labels where
    /// several columns hold nothing but 0 and 1, heads where some of several columns are text, else
    /// numbers.
    #[serde(default)]
    pub task: Option<TaskKind>,
    /// The role of columns by name: "numeric", "category", "text", "date", "ignore", or a table of options;
    /// default: told from their values.
    #[serde(default)]
    pub columns: BTreeMap<String, Choice>,
    #[serde(flatten)]
    pub defaults: ColumnDefaults,
    /// Whether numbers to be predicted are brought to mean 0 and deviation 1 for the net. Figures and
    /// predictions have the units of the data either way; the loss has not.
    #[serde(default = "yes")]
    pub scale_target: bool,
    /// Rows are kept as the net's inputs in that much memory, else read again in every epoch; default:
    /// a quarter of what is free.
    #[serde(default)]
    pub cache_memory: Option<ByteSize>,
    #[serde(flatten)]
    pub layout: Layout,
}

fn yes() -> bool {
    true
}

/// What holds for every column that says nothing else.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct ColumnDefaults {
    /// How numbers are scaled.
    #[serde(default)]
    pub scale: Scaling,
    /// What stands for missing numbers; missing categories are a category of their own.
    #[serde(default)]
    pub impute: Impute,
    /// What is done about categories that training did not have.
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

/// What the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One class of several.
    Classification,
    /// Numbers.
    Regression,
    /// Labels (0 or 1), any number of which may hold.
    Labels,
    /// Several columns, each a class or a number, said by a head of the net of its own.
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

/// What a column is taken for.
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

/// What an experiment says of a column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnOptions {
    /// What it is taken for.
    #[serde(default)]
    pub role: Option<Role>,
    /// How its numbers are scaled.
    #[serde(default)]
    pub scale: Option<Scaling>,
    /// What stands for a missing value.
    #[serde(default)]
    pub impute: Option<Impute>,
    /// The number or category that stands for a missing value, instead of `impute`.
    #[serde(default)]
    pub fill: Option<Fill>,
    /// Adds an input that is 1 where the number is missing.
    #[serde(default)]
    pub indicator: bool,
    /// What is done about categories that training did not have.
    #[serde(default)]
    pub unseen: Option<Unseen>,
    /// The most frequent categories that are kept; the others count as unseen. Default 1000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_categories: Option<usize>,
    /// A trained vector for each category in place of an input: its length, or the options of the layer
    /// `embedding` ({ dim = 8, weight_init = "normal", l2 = 1e-4 }). The column is then taken for categories.
    #[serde(default)]
    pub embedding: Option<Embedding>,
    /// Of text: the most frequent words that are kept. Default 1000.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub vocabulary: Option<usize>,
    /// Of text: what an input says of its word.
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
    /// To mean 0 and standard deviation 1 (scikit-learn's `StandardScaler`).
    #[default]
    #[serde(alias = "standardise")]
    Standardize,
    /// To 0 for the least and 1 for the largest (`MinMaxScaler`).
    MinMax,
    /// Not at all.
    None,
}

fn scaling_names(schema: &mut Schema) {
    other_names(schema, &[("standardize", "standardise")]);
}

/// What stands for a missing value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Impute {
    /// The mean of the training rows; of categories, a category of its own.
    #[default]
    Mean,
    /// The median of the training rows; of categories, a category of its own.
    Median,
    /// The most frequent value of the training rows.
    MostFrequent,
    /// Nothing: a missing value is an error.
    Refuse,
}

/// How the categories of a column become vectors.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Embedding {
    /// Values of a vector.
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

/// What is done about categories that training did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// None of the known categories holds (all inputs are 0); they are counted and shown.
    #[default]
    Ignore,
    /// They count as missing.
    Missing,
    /// The row cannot be used.
    Error,
}

/// What an input says of its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// How often the word is there.
    Count,
    /// Whether it is there.
    Binary,
    /// How often, times its rarity, rows of length 1 (scikit-learn's `TfidfVectorizer`).
    #[default]
    TfIdf,
}
