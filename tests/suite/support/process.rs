//! Tests in a process of their own: those that change or measure what a process has only once.

use std::any::type_name_of_val;
use std::process::Command;

/// Says to a test that its process is its own.
const ALONE: &str = "KILN_TEST_ALONE";

/// Runs a closure of the calling test in a process in which nothing else runs; the test fails if it does.
///
/// The test calls itself: the closure's type has the test's name.
pub fn alone<F: FnOnce()>(body: F) {
    let name = type_name_of_val(&body).trim_end_matches("::{{closure}}");
    let (_, name) = name.split_once("::").expect("the crate, then the test");
    if std::env::var(ALONE).is_ok_and(|alone| alone == name) {
        return body();
    }
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--include-ignored"]);
    let output = command.env(ALONE, name).output().expect("a process");
    let stdout = String::from_utf8_lossy(&output.stdout);
    print!("{stdout}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let passed = output.status.success() && stdout.contains("test result: ok. 1 passed");
    assert!(passed, "{name} alone: {}", output.status);
}
