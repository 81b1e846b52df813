//! Listing a folder of images or texts: one folder per class, files at any depth below it.
//!
//! Scales to a million files: one relative path per file, and one directory read per folder. Only files with an unknown
//! extension are opened, for their first bytes. Everything that is not a sample is counted by reason.

mod class_folders;
mod listed;
mod walk;

pub use class_folders::{Classes, NO_LABELS, is_of_runs, list_classes, list_folders, list_images};
pub use listed::{Content, Listing};
pub use walk::is_text_name;
