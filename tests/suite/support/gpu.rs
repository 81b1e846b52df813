//! The GPU path. Its tests run with `KILN_TEST_GPU=1`, on the software Vulkan driver where there is no GPU; then a
//! missing adapter fails. They take turns: they share the adapter's queue and memory.

use std::sync::{Mutex, PoisonError};

use kiln::device::{Choice, Chosen, choose};

static TURN: Mutex<()> = Mutex::new(());

/// Whether the GPU path is to be tested.
pub fn asked_for() -> bool {
    let asked = std::env::var("KILN_TEST_GPU").is_ok_and(|value| value == "1");
    if !asked {
        eprintln!("not run, KILN_TEST_GPU is not 1");
    }
    asked
}

/// Runs a test on the adapter, if it is asked for.
pub fn run(test: impl FnOnce(&Chosen)) {
    if asked_for() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        test(&choose(Choice::Gpu(None)).expect("an adapter"));
    }
}
