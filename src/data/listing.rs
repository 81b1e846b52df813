//! Listing an image folder: one folder a class, pictures at any depth below it.
//!
//! Made for a million files: one short path a file, relative to the root, and no question to the
//! file system beyond reading each folder once.

use std::ffi::OsString;
use std::fs::FileType;
use std::path::{Path, PathBuf};

use super::decode::is_picture_name;
use crate::console::shown;
use crate::storage::{RUNS, is_run};

/// The pictures below a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Folder names, sorted.
    pub classes: Vec<String>,
    /// Each picture, relative to the root, with the index of its class; sorted by class, then by path.
    pub files: Vec<(Box<Path>, u32)>,
    /// Files that are no regular ones or do not have a picture's name, and folders of Kiln's own runs, relative
    /// to the root.
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
        if entry.kind != Kind::Folder {
            loose += usize::from(entry.kind == Kind::File && is_picture_name(&path));
            listing.left_out.push(path);
            continue;
        }
        if is_of_runs(&root.join(&path)) {
            listing.left_out.push(path);
            continue;
        }
        let name = entry.name.into_string().map_err(|_| {
            let path = root.join(&path);
            let path = shown(&path);
            format!("holds the folder {path}, whose name is not valid Unicode; rename it")
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
            shown(&folder)
        ));
    }
    for entry in entries(&folder)? {
        let path = inner.join(&entry.name);
        if entry.kind == Kind::Folder {
            walk(root, &path, class, listing, depth + 1)?;
        } else if entry.kind == Kind::File && is_picture_name(&path) {
            listing.files.push((path.into_boxed_path(), class));
        } else {
            listing.left_out.push(path);
        }
    }
    Ok(())
}

struct Entry {
    name: OsString,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    /// A FIFO, a socket or a device.
    Other,
}

impl Kind {
    fn of(kind: FileType) -> Kind {
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => Kind::Folder,
            (_, true) => Kind::File,
            _ => Kind::Other,
        }
    }
}

/// Whether a folder is what training made: the folder of a run, or `runs`, whose folders are. Then it is no
/// class; one in which there are pictures is, whatever its name.
fn is_of_runs(folder: &Path) -> bool {
    let Ok(found) = entries(folder) else {
        return false; // said when it is listed
    };
    let is_empty = found.is_empty() && folder.ends_with(RUNS);
    let holds_runs = is_run(folder)
        || found
            .iter()
            .any(|entry| entry.kind == Kind::Folder && is_run(&folder.join(&entry.name)));
    (is_empty || holds_runs) && !holds_pictures(folder)
}

fn holds_pictures(folder: &Path) -> bool {
    let mut listing = Listing::default();
    walk(folder, Path::new(""), 0, &mut listing, 0).is_err() || !listing.files.is_empty()
}

/// The entries of a folder, sorted by name, without those whose name begins with a dot.
fn entries(folder: &Path) -> Result<Vec<Entry>, String> {
    let fail = |error: std::io::Error| format!("cannot be listed ({}): {error}", shown(folder));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(fail)?;
        // Only links need a look at what they point to. One that points to nothing is named when it is read.
        let kind = match kind.is_symlink() {
            true => entry
                .path()
                .metadata()
                .map_or(Kind::File, |meta| Kind::of(meta.file_type())),
            false => Kind::of(kind),
        };
        entries.push(Entry { name, kind });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            let parent = path.parent().expect("it lies in a folder");
            std::fs::create_dir_all(parent).expect("made");
            std::fs::write(path, "").expect("written");
        }
    }

    #[test]
    fn folders_of_runs_are_no_classes_unless_they_hold_pictures() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        make(root, &["cats/1.jpg", "dogs/deep/2.jpg"]);
        make(
            root,
            &["runs/a-1/history.jsonl", "runs/a-1/.lock", "runs/notes.txt"],
        );
        make(root, &["mine/experiment.toml", "mine/last.safetensors"]);
        let classes = |root: &Path| list_classes(root).expect("listed").classes;
        assert_eq!(classes(root), ["cats", "dogs"]);
        let left_out = list_classes(root).expect("listed").left_out;
        assert_eq!(left_out, [Path::new("mine"), Path::new("runs")]);
        make(root, &["runs/5k/3.jpg"]);
        assert_eq!(classes(root), ["cats", "dogs", "runs"]);
        std::fs::remove_dir_all(root.join("runs")).expect("removed");
        std::fs::create_dir(root.join("runs")).expect("made");
        std::fs::create_dir(root.join("empty")).expect("made");
        assert_eq!(classes(root), ["cats", "dogs", "empty"], "said elsewhere");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_left_out() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        make(root, &["cats/1.jpg"]);
        for (to, name) in [
            ("/dev/null", "2.jpg"),
            ("/dev/zero", "3.jpg"),
            ("1.jpg", "4.jpg"),
        ] {
            std::os::unix::fs::symlink(to, root.join("cats").join(name)).expect("linked");
        }
        let listing = list_classes(root).expect("listed");
        let files: Vec<_> = listing.files.iter().map(|(path, _)| &**path).collect();
        assert_eq!(files, [Path::new("cats/1.jpg"), Path::new("cats/4.jpg")]);
        assert_eq!(
            listing.left_out,
            [Path::new("cats/2.jpg"), Path::new("cats/3.jpg")]
        );
    }
}
