//! Output: notices and progress on standard error, results on standard output.
//!
//! Failing to print is no reason to stop: [`say!`] never panics and never fails. Names that come from
//! files may hold control characters; whatever passes through here has them escaped ([`visible`],
//! [`shown`]), so that they reach no terminal.
//!
//! `println!`, `eprintln!` and `Path::display` are forbidden by `clippy.toml`: they panic, or pass such
//! characters on.

mod escape;
mod out;
mod path_text;

pub use escape::{Show, Shown, field, json_path, lines, shown, visible};
pub use out::{Out, is_closed, out, write_notice, write_raw};
pub use path_text::{path_text, read_optional_path, read_path, read_paths, text_path};

/// Writes a line to standard error; a line that cannot be written is dropped.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::console::write_notice(&format!($($text)*))
    };
}
