//! Files and folders of data: kinds of files, layouts of splits and classes, listings.

pub mod error;
pub mod folder_tree;
pub mod kind;
pub mod layout;
pub mod listing;
pub mod pattern;
pub mod read;
pub mod size;
pub mod split_names;
