//! Folders and files that are this user's alone: caches, which hold pixels of private images.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder that only this user can enter, or checks one that is there. `tighten`: others are shut out
/// of one that is there and lets them in.
///
/// # Errors
/// A folder of another user, or that others may write into; a file in its place; as the system reports.
pub fn private_folder(path: &Path, tighten: bool) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| *parent != Path::new("")) {
        std::fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let link = path.symlink_metadata()?;
        if link.is_symlink() && link.uid() != own_user() {
            return Err(io::Error::other("it is another user's symbolic link"));
        }
        let meta = path.metadata()?;
        if !meta.is_dir() {
            return Err(io::Error::other("it is a file, expected a folder"));
        }
        if meta.uid() != own_user() {
            return Err(io::Error::other("the folder belongs to another user"));
        }
        let others = meta.mode() & 0o077;
        if others != 0 && tighten {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o700))?;
        } else if others & 0o022 != 0 {
            let message = "others may write into the folder; chmod go-w shuts them out";
            return Err(io::Error::other(message));
        }
    }
    let _ = tighten;
    Ok(())
}

/// Opens or makes a file that only this user can read, for reading and writing.
///
/// # Errors
/// A symbolic link, a FIFO, a device, a file of another user or one that has a second name; as the system
/// says.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(explain)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let meta = file.metadata()?;
        let wrong = if !meta.is_file() {
            Some("it is no regular file")
        } else if meta.uid() != own_user() {
            Some("it belongs to another user")
        } else if meta.nlink() > 1 {
            Some("it is a hard link to another file")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(io::Error::other(wrong));
        }
        if meta.mode() & 0o077 != 0 {
            file.set_permissions(PermissionsExt::from_mode(0o600))?; // an older version made it
        }
    }
    Ok(file)
}

fn explain(error: io::Error) -> io::Error {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ELOOP) {
        return io::Error::other("it is a symbolic link, which is not followed");
    }
    error
}

/// The number of the user whose rights the process has.
#[cfg(unix)]
pub fn own_user() -> u32 {
    // SAFETY: reads a number and cannot fail.
    unsafe { libc::geteuid() }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_this_user_s_alone() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("a/cache");
        private_folder(&folder, false).expect("made");
        assert_eq!(mode(&folder), 0o700);
        let path = folder.join("x");
        drop(open_private(&path).expect("made"));
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("set");
        drop(open_private(&path).expect("opened"));
        assert_eq!(mode(&path), 0o600, "tightened");
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).expect("set");
        private_folder(&folder, false).expect_err("others may write");
        private_folder(&folder, true).expect("tightened");
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "kept").expect("written");
        let (soft, hard) = (folder.path().join("soft"), folder.path().join("hard"));
        symlink(&victim, &soft).expect("linked");
        std::fs::hard_link(&victim, &hard).expect("linked");
        let error = open_private(&soft).expect_err("a link").to_string();
        assert!(error.contains("symbolic link"), "{error}");
        open_private(&hard).expect_err("a second name");
        assert_eq!(std::fs::read(&victim).expect("read"), b"kept");
    }
}
