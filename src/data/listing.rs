//! Listing an image folder: one folder a class, pictures at any depth below it.

use std::path::{Path, PathBuf};

use super::decode::is_picture_name;

/// The pictures below a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Folder names, sorted.
    pub classes: Vec<String>,
    /// Each picture with the index of its class; sorted by class, then by path.
    pub files: Vec<(PathBuf, usize)>,
    /// Files that do not have a picture's name.
    pub left_out: Vec<PathBuf>,
}

/// Folders nested deeper than this are taken for a loop of links.
const MAX_DEPTH: usize = 32;

/// Lists `root`, whose folders are the classes. Names that begin with a dot are passed over.
///
/// # Errors
/// A folder that is missing or cannot be read, a class name that is not Unicode, no class folder;
/// in words that follow the folder's name.
pub fn list_classes(root: &Path) -> Result<Listing, String> {
    if !root.exists() {
        return Err("does not exist".to_string());
    }
    if !root.is_dir() {
        return Err("is a file, expected a folder with one folder a class".to_string());
    }
    let mut listing = Listing::default();
    let mut loose = 0;
    for path in entries(root)? {
        if !path.is_dir() {
            loose += usize::from(is_picture_name(&path));
            listing.left_out.push(path);
            continue;
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| {
                format!("holds the folder {path:?}, whose name is not valid Unicode; rename it")
            })?
            .to_string();
        listing.classes.push(name);
        let class = listing.classes.len() - 1;
        walk(&path, class, &mut listing, 0)?;
    }
    if listing.classes.is_empty() {
        let found = match loose {
            0 => "holds no folders".to_string(),
            1 => "holds a picture but no folders".to_string(),
            n => format!("holds {n} pictures but no folders"),
        };
        return Err(format!("{found}, expected one folder a class"));
    }
    Ok(listing)
}

/// Every picture at or below `path`, sorted; `path` itself where it is a file.
///
/// # Errors
/// A folder that cannot be read.
pub fn list_pictures(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut listing = Listing::default();
    walk(path, 0, &mut listing, 0)?;
    Ok(listing.files.into_iter().map(|(path, _)| path).collect())
}

fn walk(folder: &Path, class: usize, listing: &mut Listing, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!(
            "nests more than {MAX_DEPTH} folders at {}; is a link pointing upwards?",
            folder.display()
        ));
    }
    for path in entries(folder)? {
        if path.is_dir() {
            walk(&path, class, listing, depth + 1)?;
        } else if is_picture_name(&path) {
            listing.files.push((path, class));
        } else {
            listing.left_out.push(path);
        }
    }
    Ok(())
}

/// The entries of a folder in sorted order, without those whose name begins with a dot.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let fail = |error: std::io::Error| format!("cannot be listed ({}): {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
