//! Tests in a process of their own: those that change or measure what a process has only once.

use std::any::type_name_of_val;
use std::process::Command;

use kiln::device::{SimdLimit, limit_simd};

/// Says to a test that its process is its own.
const ALONE: &str = "KILN_TEST_ALONE";

/// Runs a closure of the calling test in a process in which nothing else runs; the test fails if it does.
pub fn alone<F: FnOnce()>(body: F) {
    run_alone(test_of(&body), body);
}

/// Runs a closure of the calling test with plain code, with AVX2 and with all that the machine has, in a process of its
/// own: the limit is of the process.
pub fn at_every_simd_limit<F: Fn(SimdLimit)>(body: F) {
    run_alone(test_of(&body), || {
        for limit in [SimdLimit::Portable, SimdLimit::Avx2, SimdLimit::Native] {
            limit_simd(limit);
            body(limit);
        }
    });
}

/// The name of the test that a closure is of: its type begins with it.
fn test_of<F>(body: &F) -> &'static str {
    let name = type_name_of_val(body).trim_end_matches("::{{closure}}");
    let (_, name) = name.split_once("::").expect("the crate, then the test");
    name
}

/// Within the test's own process, the body; else the test, called by its name, as a process.
fn run_alone(name: &str, body: impl FnOnce()) {
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
