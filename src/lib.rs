//! Kiln trains, checks and runs small neural nets from one experiment file.
//!
//! # The walk of the data
//!
//! One way, no back and forth; each room knows only the rooms to its left:
//!
//! ```text
//! console → storage → config → device → kernels → data → model → metrics → train → report → guide → cli → commands
//!
//! train:    Source::load → Plan::check → Datasets → Loader → Network → Run::fit(observers) → RunFolder
//! eval:     ModelFile::open → Preprocessor::labelled → Loader → evaluate → tables
//! predict:  ModelFile::open → files → the same preprocessing → Network → rows on standard output
//! ```
//!
//! `eval` and `predict` never fit anything: class names, size and scaling all come out of the
//! model file.
//!
//! # Families
//!
//! Sources of data, augmentations, layers, losses and optimizers are families: tables from which
//! an experiment picks by name ([`config::Member`]). A new member is one file and one line of its
//! table; the table gives the tag, the dispatch, the schema, the listing and the messages.

#![cfg_attr(not(test), warn(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod data;
pub mod device;
pub mod guide;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod report;
pub mod storage;
pub mod train;
