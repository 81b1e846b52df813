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
mod idle_keys;
mod idx;
mod killed;
mod labels;
mod limits;
mod lr_find;
mod names;
mod nested;
mod resume;
mod stopping;
mod tables;
mod texts;
mod training;
mod world;
