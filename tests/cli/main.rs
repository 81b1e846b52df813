//! The real binary in temporary folders: exit code, standard output, standard error.

mod accumulating;
mod archives;
mod audit;
mod averages;
mod bad_input;
mod caching;
mod commands;
mod errors;
mod gpu;
mod heads;
mod idx;
mod interrupted;
mod killed;
mod lr_find;
mod odd_names;
mod output;
mod private_cache;
mod resume;
mod special_files;
mod stopping;
mod tables;
mod texts;
mod training;
mod world;
