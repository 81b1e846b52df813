//! Chooses linker options that make the program smaller.

use std::env::var;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if !links_with_the_toolchains_lld() {
        return;
    }
    // Folds functions whose machine code is the same: generic kernels for types of one size, mostly.
    // Nothing in Kiln or Burn compares addresses of functions, and Rust promises nothing about them.
    println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    // Packs the 200,000 relocations of a position-independent program, which are 24 bytes each. Loaders know that
    // from glibc 2.36 on; for older systems see packaging/zig-linker.
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether the linker is the LLD that comes with Rust, which it is on x86-64 Linux in the toolchains of rustup
/// unless another is asked for. Other linkers may not know the options.
fn links_with_the_toolchains_lld() -> bool {
    let is = |name: &str, value: &str| var(name).as_deref() == Ok(value);
    let asked_for = |flags: String| flags.contains("link");
    is("TARGET", "x86_64-unknown-linux-gnu")
        && is("HOST", "x86_64-unknown-linux-gnu")
        && var("RUSTC_LINKER").is_err()
        && !var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(asked_for)
        && toolchain_has_lld().unwrap_or(false)
}

/// Toolchains of distributions may be built without it.
fn toolchain_has_lld() -> Option<bool> {
    let sysroot = output(&var("RUSTC").ok()?, &["--print", "sysroot"])?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
    Some(folder.join("gcc-ld/ld.lld").exists())
}

/// The version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let answer = output("getconf", &["GNU_LIBC_VERSION"])?; // "glibc 2.36"
    let (major, minor) = answer.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()
}
