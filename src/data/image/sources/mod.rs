//! Where images come from: folders, archives, and files that hold many images. One kind of `data.kind` a file.

pub mod block_error;
pub mod blocks;
pub mod cifar;
pub mod idx;
pub mod idx_error;
pub mod idx_file;
pub mod image_folder;
pub mod labelled;
pub mod labels;
pub mod numpy;
pub mod webdataset;
