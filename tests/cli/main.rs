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
mod lr_find;
mod resume;
mod stopping;
mod tables;
mod texts;
mod training;
mod world;
