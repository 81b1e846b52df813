//! Output of a run: progress, tables, JSON lines.

pub mod audit;
mod bench;
mod curve;
mod json;
mod left_out;
mod numbers;
mod progress;
mod sheet;
pub mod tables;

pub use bench::{bench_table, peak_memory};
pub use curve::{Curve, rate};
pub use json::JsonLines;
pub use left_out::{FILES, ROWS, left_out, left_out_json, left_out_of};
pub use numbers::{bytes, figure, grouped};
pub use progress::{Bars, ByteBar, DecodeBar, Lines, Several};
pub use sheet::Sheet;
