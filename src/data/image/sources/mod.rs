//! The sources of images: folders, archives, and files that hold many images. One file per value of `data.kind`.

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
