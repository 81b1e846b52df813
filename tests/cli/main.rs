//! The real binary in temporary folders: exit code, standard output, standard error.

mod accumulating;
mod archives;
mod audit;
mod averages;
mod bad_input;
mod caching;
mod commands;
mod errors;
mod first_tries;
mod gpu;
mod heads;
mod idx;
mod killed;
mod layouts;
mod left_out;
mod lr_find;
#[path = "../support/npz.rs"]
mod npz_files;
mod numpy;
mod public_layouts;
mod resume;
mod sixteen_bits;
mod stopping;
mod tables;
mod texts;
mod training;
mod world;
