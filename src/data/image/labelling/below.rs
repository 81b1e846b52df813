//! The image files below a folder.

use std::path::Path;

use crate::data::core::left_out::LeftOut;
use crate::data::files::error::ListingError;
use crate::data::files::listing::list_images;

/// The images below a folder, relative to it and sorted.
///
/// # Errors
/// A folder that is missing or cannot be read.
pub fn images_below(root: &Path) -> Result<(Vec<Box<Path>>, LeftOut), ListingError> {
    if !root.exists() {
        return Err(ListingError::Missing);
    }
    if !root.is_dir() {
        let expected = "a folder of images";
        return Err(ListingError::File { expected });
    }
    let (files, left_out) = list_images(root)?;
    let inner = files
        .iter()
        .map(|path| path.strip_prefix(root).unwrap_or(path).into());
    Ok((inner.collect(), left_out))
}
