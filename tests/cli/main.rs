//! The real binary in temporary folders: exit code, standard output, standard error.

mod accumulating;
mod archives;
mod attacked;
mod audit;
mod averages;
mod bad_input;
mod caching;
mod commands;
mod errors;
mod first_tries;
mod gpu;
#[cfg(unix)] // the pages' commands are for a POSIX shell
mod guide;
mod heads;
mod history;
mod hostile;
mod idle_keys;
mod idx;
mod interrupted;
mod killed;
mod labels;
mod layouts;
mod left_out;
mod limits;
mod lr_find;
mod memory;
mod names;
mod nested;
#[path = "../support/npz.rs"]
mod npz_files;
mod numpy;
mod odd_names;
mod output;
mod private_cache;
mod public_layouts;
mod resume;
mod sixteen_bits;
mod special_files;
mod stopping;
mod tables;
mod texts;
mod threads;
mod training;
mod world;
