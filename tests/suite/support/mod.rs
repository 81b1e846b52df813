//! What several tests share: the program in a temporary folder, files of other programs, recorded figures, the GPU,
//! and processes of their own.

pub mod allocator;
pub mod arrays;
pub mod gpu;
pub mod memory_weights;
pub mod process;
pub mod recorded;
pub mod server;
pub mod table;
pub mod world;
