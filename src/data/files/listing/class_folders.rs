//! Lists the samples of a folder whose folders are the classes.

use std::path::{Path, PathBuf};

use super::listed::{Content, Listing};
use super::walk::Walk;
use crate::data::core::left_out::LeftOut;
use crate::data::files::error::ListingError;
use crate::data::files::kind::{Named, named};
use crate::storage::{RUNS, is_run};

const OWN_RUNS: &str = "a folder of Kiln's own runs";
const OUTSIDE: &str = "outside the class folders";
const EXCLUDED: &str = "in a folder that data.exclude names";
const UNLABELLED: &str = "in a folder of samples without labels";
/// Names of folders, in lower case, that hold samples without labels and are no classes.
pub const NO_LABELS: [&str; 4] = ["unsup", "unsupervised", "unlabeled", "unlabelled"];

/// Which folders are classes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Classes<'a> {
    /// Those that samples lie in, at any depth, instead of those at the top.
    pub leaf: bool,
    /// Folders at the top that are no classes, by name.
    pub exclude: &'a [String],
}

/// Lists the images of `root`, whose folders are the classes. Hidden files and folders are skipped.
///
/// # Errors
/// A folder that is missing or cannot be read, a class name that is not Unicode, no class folder.
pub fn list_classes(root: &Path) -> Result<Listing, ListingError> {
    list_folders(root, Content::Images, Classes::default())
}

/// The same of images or texts, with a choice of what folders are classes.
///
/// # Errors
/// As [`list_classes`].
pub fn list_folders(
    root: &Path,
    content: Content,
    which: Classes<'_>,
) -> Result<Listing, ListingError> {
    if !root.exists() {
        return Err(ListingError::Missing);
    }
    if !root.is_dir() {
        let expected = "a folder with one folder a class";
        return Err(ListingError::File { expected });
    }
    let mut walk = Walk::new(root, content);
    let mut loose = 0;
    for entry in walk.entries(Path::new(""))? {
        let path = PathBuf::from(&entry.name);
        if !entry.is_folder {
            loose += usize::from(content == Content::Images && named(&path) == Named::Image);
            walk.leave_out(OUTSIDE, &path);
            continue;
        }
        if is_of_runs(&root.join(&path), content) {
            walk.leave_out(OWN_RUNS, &path);
            continue;
        }
        let name = entry.name.into_string().map_err(|_| {
            let folder = root.join(&path);
            ListingError::ClassName { folder }
        })?;
        let reason = match () {
            () if which.exclude.contains(&name) => Some(EXCLUDED),
            () if NO_LABELS.contains(&&*name.to_lowercase()) => Some(UNLABELLED),
            () => None,
        };
        if let Some(reason) = reason {
            walk.set_aside(&path, reason)?;
            continue;
        }
        walk.listing.classes.push(name);
        let class = (walk.listing.classes.len() - 1) as u32;
        walk.folder(&path, class, 0)?;
    }
    let mut listing = walk.finish();
    if which.leaf {
        listing.leaves()?;
    }
    if listing.classes.is_empty() {
        return Err(ListingError::NoClasses { loose });
    }
    Ok(listing)
}

/// Every image at or below `path`, sorted, and the files that are not images; `path` itself where it is a file.
///
/// # Errors
/// A folder that cannot be read.
pub fn list_images(path: &Path) -> Result<(Vec<PathBuf>, LeftOut), ListingError> {
    if !path.is_dir() {
        return Ok((vec![path.to_path_buf()], LeftOut::default()));
    }
    let mut walk = Walk::new(path, Content::Images);
    walk.folder(Path::new(""), 0, 0)?;
    let listing = walk.finish();
    let files = listing.files.into_iter();
    let files = files.map(|(file, _)| path.join(file)).collect();
    Ok((files, listing.left_out))
}

/// Whether a folder is what training made: the folder of a run, or `runs`, whose folders are. Then it is no
/// class; one in which there are samples is, whatever its name.
pub fn is_of_runs(folder: &Path, content: Content) -> bool {
    let Ok(found) = Walk::new(folder, content).entries(Path::new("")) else {
        return false; // reported when it is listed
    };
    let is_empty = found.is_empty() && folder.ends_with(RUNS);
    let holds_runs = is_run(folder)
        || found
            .iter()
            .any(|entry| entry.is_folder && is_run(&folder.join(&entry.name)));
    (is_empty || holds_runs) && !holds_samples(folder, content)
}

fn holds_samples(folder: &Path, content: Content) -> bool {
    let mut walk = Walk::new(folder, content);
    walk.folder(Path::new(""), 0, 0).is_err() || !walk.finish().files.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::listing::walk::SPECIAL;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().expect("a folder");
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        folder
    }

    #[test]
    fn every_file_is_a_sample_or_left_out_with_its_reason() {
        let root = folder(&[
            ("a/1.png", b""),
            ("a/2", b"\x89PNG\r\n\x1a\n"),
            ("a/deep/3.ppm", b"P6"),
            ("a/IMG.heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
            ("a/notes", b"hello"),
            ("a/notes.txt", b"hello"),
            ("a/.DS_Store", b"x"),
            ("b/1.jpg", b""),
            ("__MACOSX/c/1.jpg", b""),
            ("@eaDir/1.jpg", b""),
            ("loose.png", b""),
        ]);
        let listing = list_classes(root.path()).expect("a listing");
        assert_eq!(listing.classes, ["a", "b"]);
        let names: Vec<_> = listing
            .files
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        assert_eq!(names, ["a/1.png", "a/2", "a/deep/3.ppm", "b/1.jpg"]);
        let of = |word: &str| {
            let found = listing
                .left_out
                .reasons()
                .iter()
                .find(|r| r.reason.contains(word));
            found
                .map(|r| (r.count, r.first.join(" ")))
                .unwrap_or_default()
        };
        assert_eq!(of("hidden"), (3, "@eaDir __MACOSX a/.DS_Store".into()));
        assert_eq!(of("HEIC"), (1, "a/IMG.heic".into()));
        assert_eq!(of("not an image"), (2, "a/notes.txt a/notes".into()));
        assert_eq!(of("outside"), (1, "loose.png".into()));
        let (files, left_out) = list_images(root.path()).expect("a listing");
        assert_eq!((files.len(), left_out.count()), (5, 6));
    }

    #[test]
    fn texts_are_listed_at_any_depth_and_other_files_are_reported() {
        let root = folder(&[
            ("good/1.txt", b"a"),
            ("good/more/2.TXT", b"b"),
            ("bad/3.txt", b"c"),
            ("bad/4.md", b"d"),
        ]);
        let listing =
            list_folders(root.path(), Content::Texts, Classes::default()).expect("a listing");
        let names: Vec<_> = listing
            .files
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        assert_eq!(names, ["bad/3.txt", "good/1.txt", "good/more/2.TXT"]);
        assert_eq!(listing.left_out.reasons()[0].first, ["bad/4.md"]);
    }

    #[test]
    fn folders_that_are_no_classes_are_reported_and_leaves_may_be_classes() {
        let root = folder(&[
            ("x/good/1.png", b""),
            ("y/good/2.png", b""),
            ("y/bad/3.png", b""),
            ("test/4.png", b""),
            ("unsup/5.png", b""),
        ]);
        let exclude = ["test".to_string()];
        let which = Classes {
            leaf: false,
            exclude: &exclude,
        };
        let listing = list_folders(root.path(), Content::Images, which).expect("a listing");
        assert_eq!(listing.classes, ["x", "y"]);
        let message: Vec<_> = listing
            .left_out
            .reasons()
            .iter()
            .map(|r| (&*r.reason, &*r.first[0]))
            .collect();
        assert_eq!(
            message,
            [(EXCLUDED, "test/4.png"), (UNLABELLED, "unsup/5.png")]
        );
        let which = Classes {
            leaf: true,
            ..which
        };
        let listing = list_folders(root.path(), Content::Images, which).expect("a listing");
        assert_eq!(listing.classes, ["bad", "good"]);
        let classes: Vec<u32> = listing.files.iter().map(|(_, class)| *class).collect();
        assert_eq!(classes, [0, 1, 1]);
    }

    #[cfg(unix)]
    #[test]
    fn sockets_are_left_out_without_being_opened() {
        let root = folder(&[("a/1.png", b"")]);
        std::os::unix::fs::symlink("nowhere", root.path().join("a/2.png")).expect("a link");
        std::os::unix::fs::symlink("1.png", root.path().join("a/3.png")).expect("a link");
        let _socket =
            std::os::unix::net::UnixListener::bind(root.path().join("a/4.png")).expect("a socket");
        let listing = list_classes(root.path()).expect("a listing");
        assert_eq!(listing.files.len(), 3);
        let reasons: Vec<_> = listing
            .left_out
            .reasons()
            .iter()
            .map(|r| &*r.reason)
            .collect();
        assert_eq!(reasons, [SPECIAL]);
    }

    fn make(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            let parent = path.parent().expect("it lies in a folder");
            std::fs::create_dir_all(parent).expect("made");
            std::fs::write(path, "").expect("written");
        }
    }

    #[test]
    fn folders_of_runs_are_no_classes_unless_they_hold_images() {
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
        assert_eq!(left_out.reasons()[0].reason, OWN_RUNS);
        assert_eq!(left_out.reasons()[0].first, ["mine", "runs"]);
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
        assert_eq!(listing.left_out.reasons()[0].reason, SPECIAL);
        assert_eq!(
            listing.left_out.reasons()[0].first,
            ["cats/2.jpg", "cats/3.jpg"]
        );
    }
}
