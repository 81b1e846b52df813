//! The integration tests, one crate so that Burn is linked once: the real binary in temporary folders (`cli`), numerics
//! against recorded references (`tests/reference`), random nets, and fuzzing. What they share is in `support`.
//!
//! Tests run beside each other in one process. One that changes what the process has in common (the limit of SIMD
//! instructions, the count of memory in use) runs in a process of its own, see [`support::process`].

#![allow(
    clippy::too_many_lines,
    reason = "a test is a list of cases, read from top to bottom"
)]

mod augment;
mod backbone_weights;
mod backbones;
mod backbones_trained;
mod class_weights;
mod cli;
mod copies;
mod damaged;
mod freezing;
mod fuzz;
mod half_precision;
mod kernels;
mod layers;
mod losses;
mod memory;
mod metrics;
mod numerics;
mod optimizers;
mod penalties;
mod random_nets;
mod readers;
mod schedules;
mod stochastic_depth;
mod structure;
mod styles;
mod support;
mod tables;
mod weights;
