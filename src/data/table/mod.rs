//! Tables: rows of delimited text (CSV, TSV).
//!
//! The walk: [`TableFile`] reads rows, [`scan`](scan::scan) tells what each column holds, [`Rows`] knows
//! where each row lies and what is to be predicted of it, [`fit`](fit::fit) fits what is done to each
//! column on the training rows, [`TablePreprocess`] makes rows into inputs.

mod arff;
mod audit;
mod content;
mod dataset;
mod dates;
mod delimited;
mod fit;
mod formats;
mod guess;
mod hints;
mod idle;
pub(crate) mod layout;
mod look;
pub(crate) mod looked;
mod numbers;
pub(crate) mod options;
pub(crate) mod preprocess;
pub(crate) mod reader;
pub(crate) mod rows;
mod samples;
mod scan;
mod source;
mod spreadsheet;
mod treatments;
mod xml;
mod zipped;

pub use super::audit::TableAudit;
pub use super::table::layout::Delimiter;
pub use super::table::layout::Layout;
pub use super::table::looked::LookedColumn;
pub use dataset::Encoded;
pub use formats::Format;
pub use hints::Hint;
pub use look::Looked;
pub use options::{Csv, Files, Role, TaskKind};
pub use preprocess::{EmbeddedColumn, Encoder, TablePreprocess, Treated};
pub use reader::{Row, TableFile};
pub use rows::{Rows, Targets, class_name};
pub use samples::{Failure, TableReader, each_table, send_rows};
pub use scan::{bind, listed, scan};
pub use source::labelled_rows;
pub use treatments::{Tally, Treatment, notices};

pub(in crate::data) use audit::audit_tables;
pub(in crate::data) use idle::no_pictures;
pub(in crate::data) use scan::scan_formats;
pub(in crate::data) use source::{check_name, divide, open, plan_task, scale_targets};
