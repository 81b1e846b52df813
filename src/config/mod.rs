//! The experiment: one TOML or JSON file, checked as a whole before anything else happens.
//!
//! [`Source::load`] reads it; [`Fault`] is a mistake in it, shown with file, line and caret.
//! Families (`data.kind`, layers, losses, ...) are read by the rooms that own them, with
//! [`read_member`], so that the faults look the same everywhere.

mod byte_size;
mod experiment;
mod family;
mod fault;
mod named;
mod node;
mod parse;
mod source;
mod styles;
mod validate;
mod write;

pub use byte_size::ByteSize;
pub use experiment::{
    Audit, Balanced, BatchSize, Checkpoints, ClassWeights, Device, EarlyStopping, Ema, Eval,
    Experiment, Fit, Model, OnLeak, OnNonFinite, Precision, Preprocess, Sampler, Statistic, Style,
    Swa, Table, Train, Warmup,
};
pub use family::{
    Member, Spec, about, family_schema, find_member, read, read_member, read_options, schema_of,
};
pub use fault::{ExperimentError, Fault};
pub use named::{bare_names, by_name, other_names};
pub use node::{Path, Step};
pub use source::Source;
pub use styles::{Setting, apply_style, settings_of, settings_of_variants, without_styles};
pub use validate::{describe, unknown_key, validate, with_nearest};
pub use write::to_toml;
