//! Why a download fails.

use std::io;

use thiserror::Error;

/// Why a file did not come.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No answer, or a broken connection.
    #[error("cannot fetch {url}: {why}")]
    Connection {
        /// The address.
        url: String,
        /// What the connection says.
        why: String,
        /// Whether trying again may help.
        is_passing: bool,
    },
    /// An answer that is no file.
    #[error("cannot fetch {url}: the server answers {status}")]
    Status {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// A connection that broke off.
    #[error("{url} broke off after {got} bytes ({why}); the same command goes on where it ended")]
    Cut {
        /// The address.
        url: String,
        /// Bytes that are there.
        got: u64,
        /// What the connection says, or how many there should be.
        why: String,
    },
    /// More than the file can have.
    #[error("{url} has more than the {most} bytes that are expected")]
    TooLarge {
        /// The address.
        url: String,
        /// The most bytes.
        most: u64,
    },
    /// Another file.
    #[error(
        "{url} is not the file that is expected: its SHA-256 is {found}, expected {expected}; nothing is kept of it"
    )]
    Digest {
        /// The address.
        url: String,
        /// The digest of what came.
        found: String,
        /// What is known of the right one.
        expected: String,
    },
    /// An archive without the file.
    #[error("the archive {url} {why}")]
    Archive {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another process at work.
    #[error("another kiln fetches {0} at this moment")]
    Busy(String),
    /// A full disk, a folder without permission.
    #[error("cannot write {path}: {error}")]
    Disk {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

impl DownloadError {
    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            DownloadError::Connection { is_passing, .. } => *is_passing,
            DownloadError::Status { status, .. } => *status == 429 || *status >= 500,
            DownloadError::Cut { .. } => true,
            _ => false,
        }
    }
}
