//! The real binary in temporary folders: exit code, standard output, standard error.

mod bad_input;
mod commands;
mod errors;
mod gpu;
mod training;
mod world;
