//! The experiment: one TOML or JSON file, checked as a whole before anything else happens.
//!
//! [`Source::load`] reads it; [`Fault`] is a mistake in it, shown with file, line and caret.
//! Families (`data.kind`, layers, losses, ...) are read by the rooms that own them, with
//! [`read_member`], so that the faults look the same everywhere.

mod byte_size;
mod describe;
mod experiment;
mod family;
mod fault;
mod named;
mod node;
mod parse;
mod path_value;
mod preprocess;
mod sections;
mod source;
mod styles;
mod train;
mod validate;
mod write;

pub use byte_size::ByteSize;
pub use describe::describe;
pub use experiment::{Experiment, Model, Style, Table};
pub use family::{
    Member, Spec, about, family_schema, find_member, read, read_member, read_options, schema_of,
};
pub use fault::{ExperimentError, Fault};
pub use named::{bare_names, by_name, other_names};
pub use node::{Path, Step};
pub use path_value::PathValue;
pub use preprocess::{Fit, Preprocess, PreprocessPreset, Statistic};
pub use sections::{Audit, Checkpoints, Device, Eval, OnLeak};
pub use source::Source;
pub use styles::{Setting, apply_style, settings_of, settings_of_variants, without_styles};
pub use train::{
    Balanced, BatchSize, ClassWeights, EarlyStopping, Ema, OnNonFinite, Precision, Sampler, Swa,
    Train, Warmup,
};
pub use validate::{unknown_key, validate, with_nearest};
pub use write::to_toml;
