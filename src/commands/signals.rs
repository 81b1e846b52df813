//! Signals that ask a run to stop.

use anyhow::Context;

use crate::train::StopFlag;

/// A flag that Ctrl-C, SIGTERM and SIGHUP set; a second one ends the program at once.
///
/// The program then ends with the code that shells give to a process that the signal ended: 130 for
/// Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
pub fn stop_flag() -> anyhow::Result<StopFlag> {
    let flag = StopFlag::default();
    let setter = flag.clone();
    ctrlc::set_handler(move || ask(&setter, 130)).context("cannot listen for Ctrl-C")?;
    #[cfg(unix)]
    listen(flag.clone()).context("cannot listen for SIGTERM")?;
    Ok(flag)
}

fn ask(flag: &StopFlag, exit_code: u8) {
    if !flag.set(exit_code) {
        std::process::exit(i32::from(exit_code));
    }
    eprintln!("\nstopping after this batch; once more stops at once");
}

#[cfg(unix)]
fn listen(flag: StopFlag) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGTERM, SIGHUP])?;
    let wait = move || {
        for signal in &mut signals {
            ask(&flag, if signal == SIGTERM { 143 } else { 129 });
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait)?;
    Ok(())
}
