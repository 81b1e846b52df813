//! Tables: rows of delimited text (CSV, TSV).
//!
//! The order: [`TableFile`] reads rows, [`scan`](scan::scan) collects statistics of each column, [`Rows`] holds the
//! offset and the target of each row, [`fit`](fit::fit) fits the encoding of each column on the training rows, and
//! [`TablePreprocess`] encodes rows as inputs.

mod arff;
mod audit;
mod calendar;
mod column_names;
mod column_scan;
mod content;
mod dataset;
mod dates;
mod delimited;
mod encoder;
pub(crate) mod error;
mod fit;
mod format_tally;
mod formats;
mod guess;
mod hints;
mod idle;
mod inspect;
pub(crate) mod inspected;
pub(crate) mod layout;
mod numbers;
mod open_files;
pub(crate) mod options;
mod plan_columns;
mod plan_task;
pub(crate) mod preprocess;
pub(crate) mod reader;
mod row;
mod row_bound;
mod row_error;
pub(crate) mod rows;
mod samples;
mod scan;
mod source;
mod split_rows;
mod spreadsheet;
mod spreadsheet_error;
mod treatments;
mod xml;

pub use super::audit::TableAudit;
pub use super::table::encoder::{Encoder, Treated};
pub use super::table::inspect::InspectedTable;
pub use super::table::inspected::InspectedColumn;
pub use super::table::layout::Delimiter;
pub use super::table::layout::Layout;
pub use super::table::row::Row;
pub use dataset::Encoded;
pub use error::{FilesError, TableError};
pub use formats::Format;
pub use hints::Hint;
pub use options::{Csv, Files, Role, TaskKind};
pub use preprocess::{EmbeddedColumn, TablePreprocess, TablePreprocessError};
pub use reader::TableFile;
pub use row_error::RowError;
pub use rows::{Rows, Targets, class_name};
pub use samples::{Failure, TableFailure, TableReader, each_table, send_rows};
pub use scan::{bind, listed, scan};
pub use source::labelled_rows;
pub use split_rows::RowSplits;
pub use treatments::{Tally, Treatment, notices};

pub(in crate::data) use super::table::open_files::{check_name, open};
pub(in crate::data) use super::table::plan_task::{plan_task, scale_targets};
pub(in crate::data) use audit::audit_tables;
pub(in crate::data) use idle::no_pixel_scaling;
pub(in crate::data) use scan::scan_formats;
