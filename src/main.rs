//! The `kiln` program: parse, run, print the error chain, exit code.

#![warn(clippy::disallowed_macros, clippy::disallowed_methods)]

use std::process::ExitCode;

use clap::Parser;
use kiln::cli::Cli;
use kiln::config::ExperimentError;
use kiln::console::visible;

// Pages that are touched for the first time cost more than the arithmetic on them: an allocator
// that keeps them (and never gives them back, see `main`) nearly doubles the speed of training on the CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its bindings have no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // SAFETY: sets a number in the allocator; no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    // On a thread with a stack of known size: the main thread's is what `ulimit -s` says.
    let run = std::thread::Builder::new().stack_size(STACK).spawn(run);
    match run.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            kiln::say!("error: cannot start a thread: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The stack size of the thread that reads the command line and reports errors, bytes.
const STACK: usize = 8 << 20;

fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if is_plain() => error.exit(),
        // Its text repeats the arguments, whose control characters must not reach the terminal.
        Err(error) => {
            kiln::say!("{}", error.render().to_string().trim_end());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match kiln::commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Whether the arguments hold nothing that a terminal would obey.
fn is_plain() -> bool {
    std::env::args_os().all(|argument| {
        let text = argument.to_string_lossy();
        visible(&text) == text
    })
}

/// The reader of our output has gone (`kiln predict ... | head`): nothing to report.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(kiln::console::is_closed)
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
