//! Listing an image folder: one folder a class, pictures at any depth below it.
//!
//! Made for a million files: one short path a file, relative to the root, and no question to the
//! file system beyond reading each folder once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::decode::is_picture_name;

/// The pictures below a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Folder names, sorted.
    pub classes: Vec<String>,
    /// Each picture, relative to the root, with the index of its class; sorted by class, then by path.
    pub files: Vec<(Box<Path>, u32)>,
    /// Files that do not have a picture's name, relative to the root.
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
    for entry in entries(root)? {
        let path = PathBuf::from(&entry.name);
        if !entry.is_folder {
            loose += usize::from(is_picture_name(&path));
            listing.left_out.push(path);
            continue;
        }
        let name = entry.name.into_string().map_err(|_| {
            let path = root.join(&path);
            format!("holds the folder {path:?}, whose name is not valid Unicode; rename it")
        })?;
        listing.classes.push(name);
        let class = (listing.classes.len() - 1) as u32;
        walk(root, &path, class, &mut listing, 0)?;
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
    walk(path, Path::new(""), 0, &mut listing, 0)?;
    let files = listing.files.into_iter();
    Ok(files.map(|(file, _)| path.join(file)).collect())
}

/// Lists `inner`, a folder below `root`.
fn walk(
    root: &Path,
    inner: &Path,
    class: u32,
    listing: &mut Listing,
    depth: usize,
) -> Result<(), String> {
    let folder = root.join(inner);
    if depth > MAX_DEPTH {
        return Err(format!(
            "nests more than {MAX_DEPTH} folders at {}; is a link pointing upwards?",
            folder.display()
        ));
    }
    for entry in entries(&folder)? {
        let path = inner.join(&entry.name);
        if entry.is_folder {
            walk(root, &path, class, listing, depth + 1)?;
        } else if is_picture_name(&path) {
            listing.files.push((path.into_boxed_path(), class));
        } else {
            listing.left_out.push(path);
        }
    }
    Ok(())
}

struct Entry {
    name: OsString,
    is_folder: bool,
}

/// The entries of a folder, sorted by name, without those whose name begins with a dot.
fn entries(folder: &Path) -> Result<Vec<Entry>, String> {
    let fail = |error: std::io::Error| format!("cannot be listed ({}): {error}", folder.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(fail)?;
        // Only links need a look at what they point to.
        let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
        entries.push(Entry { name, is_folder });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
