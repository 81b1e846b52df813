//! The `kiln` program: parse, run, print the error chain, exit code.

#![warn(clippy::disallowed_macros, clippy::disallowed_methods)]

use std::process::ExitCode;

use clap::Parser;
use kiln::cli::Cli;
use kiln::config::ExperimentError;

// Pages that are touched for the first time cost more than the arithmetic on them: an allocator
// that keeps them (and never gives them back, see `main`) nearly doubles the speed of training on the CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its bindings have no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // SAFETY: sets a number in the allocator; no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    let cli = Cli::parse();
    match kiln::commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// The reader of our output has gone (`kiln predict ... | head`): nothing to report.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn report(error: &anyhow::Error) {
    let text = match error.downcast_ref::<ExperimentError>() {
        Some(experiment) => experiment.to_string(),
        None => {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            format!("error: {}", chain.join(": "))
        }
    };
    kiln::say!("{text}");
}
