//! Python pickles read as data (protocols 0 to 5): no code that a file names is ever run.
//!
//! Where Python would import a class and call it, the result here is an [`Object`](value::Object) that holds the names
//! and the arguments, whatever they are: `os.system` with a command is as inert as a list. What the objects of PyTorch
//! mean is known one room further, in `pytorch`.
//!
//! Sizes are bounded: a pickle may have [`MAX_PICKLE`] bytes and make `MAX_VALUES` values, each of them held once, in
//! one array ([`value::Heap`]) in which they name one another by number. So shared values do not multiply, and deep
//! ones need no recursion.
//!
//! The format: Python's `Lib/pickletools.py`.

pub mod fault;
pub mod input;
mod machine;
mod numbers;
pub mod value;

pub use machine::read_pickle;

/// The most bytes of a pickle; the tensors' values are outside of it.
pub const MAX_PICKLE: u64 = 64 << 20;
