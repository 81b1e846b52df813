//! Files and folders as people lay them out: what a file is, which folders are splits and classes, what is no sample.

pub mod error;
pub mod folder_tree;
pub mod kind;
pub mod layout;
pub mod listing;
pub mod read;
pub mod size;
pub mod split_names;
