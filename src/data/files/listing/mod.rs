//! Listing a folder of images or texts: one folder a class, files at any depth below it.
//!
//! Made for a million files: one short path a file, relative to the root, and no question to the
//! file system beyond reading each folder once. Only files whose names do not tell what they are, are
//! opened, for their first bytes. Whatever is no sample is counted, with the reason.

mod class_folders;
mod listed;
mod walk;

pub use class_folders::{Classes, NO_LABELS, is_of_runs, list_classes, list_folders, list_images};
pub use listed::{Content, Listing};
pub use walk::is_text_name;
