//! The folder in which the program keeps what it can make or fetch again.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::private::private_folder;

/// The folder that the user chose for caches, `KILN_CACHE_DIR`.
fn chosen() -> Option<PathBuf> {
    let name = std::env::var_os("KILN_CACHE_DIR").filter(|name| !name.is_empty());
    name.map(PathBuf::from)
}

/// `KILN_CACHE_DIR`, else `kiln` in the user's cache folder; for a user without a home one of its own in the
/// temporary folder.
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = chosen() {
        return folder;
    }
    let base =
        etcetera::choose_base_strategy().map(|base| (base.home_dir().exists(), base.cache_dir()));
    match base {
        Ok((true, folder)) if folder.is_absolute() => folder.join("kiln"),
        _ => std::env::temp_dir().join(own_name()),
    }
}

/// A name in the temporary folder that is this user's.
fn own_name() -> String {
    #[cfg(unix)]
    return format!("kiln-{}", super::private::own_user());
    #[cfg(not(unix))]
    "kiln".to_string()
}

/// Makes the folder of caches, which is this user's alone, or checks it.
///
/// # Errors
/// A folder of another user, or into which others may write; one that cannot be made.
pub fn make_cache_folder(folder: &Path) -> io::Result<()> {
    let is_chosen = chosen().is_some_and(|chosen| chosen == folder);
    private_folder(folder, !is_chosen)
}
