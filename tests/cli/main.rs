//! The real binary in temporary folders: exit code, standard output, standard error.

mod archives;
mod audit;
mod bad_input;
mod caching;
mod commands;
mod errors;
mod gpu;
mod killed;
mod resume;
mod training;
mod world;
