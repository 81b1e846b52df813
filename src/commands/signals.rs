//! Signals that end the program: Ctrl-C, SIGTERM and SIGHUP.
//!
//! A thread of its own waits for them from the start. Most commands have nothing to save: temporary files are removed
//! and the program ends at once. Training is asked to stop instead ([`asks`]), for as long as there is a state that it can save; a second signal then ends it at
//! once as well.
//!
//! The program ends with the code that shells give to a process that the signal ended: 130 for Ctrl-C, 143
//! for SIGTERM, 129 for SIGHUP.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use crate::say;
use crate::storage::end_program;
use crate::train::StopFlag;

/// The stop flag of the running training, if any; global, because signals are.
static ASKED: Mutex<Option<StopFlag>> = Mutex::new(None);

fn asked() -> MutexGuard<'static, Option<StopFlag>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this is held, signals set a flag instead of ending the program.
pub struct Asks;

/// Lets signals set `flag` instead of ending the program, until the result is dropped.
pub fn asks(flag: &StopFlag) -> Asks {
    *asked() = Some(flag.clone());
    Asks
}

impl Drop for Asks {
    fn drop(&mut self) {
        *asked() = None;
    }
}

/// A signal came; the program is to end with this code.
fn heed(exit_code: u8) {
    let flag = asked().clone();
    match flag {
        Some(flag) if flag.set(exit_code) => {
            // On its own thread: this blocks when standard error is a full pipe, and the next signal
            // must not.
            let tell = || say!("\nstopping after this batch; once more stops at once");
            let _ = std::thread::Builder::new().spawn(tell);
        }
        _ => end_program(exit_code),
    }
}

/// Listens for signals from now on.
///
/// # Errors
/// A thread that the system refuses.
#[cfg(unix)]
pub fn listen() -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    // A file that grows beyond `ulimit -f` is an error rather than the end.
    // SAFETY: ignores a signal; no handler runs.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter();
    let heeded = heeded.filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP)); // `nohup`
    let mut signals = Signals::new(heeded).context("cannot listen for signals")?;
    let wait = move || {
        for signal in &mut signals {
            heed(128 + signal as u8);
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait)
        .context("cannot start a thread")?;
    Ok(())
}

/// Whether whoever started the program had it ignore a signal.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the present one is written to the memory that is given, which may be
    // all zeros.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Listens for Ctrl-C from now on.
///
/// # Errors
/// A handler that the system refuses.
#[cfg(not(unix))]
pub fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| heed(130)).context("cannot listen for Ctrl-C")
}
