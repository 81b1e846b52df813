//! Downloads a file of the catalogue: in pieces that survive a broken connection, known by its digest before it gets
//! its name.

mod error;
mod http;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::catalogue::{CatalogueEntry, KnownDigest};
use super::file::{digest, hexadecimal};
use crate::console::shown;
use crate::storage::{FaultPoint, PartialFile, StagedFile, Zip, ZipError};
use http::{Answer, Client};

pub use error::DownloadError;

/// Attempts in a row that bring nothing before giving up.
const ATTEMPTS: u32 = 3;
/// The wait after the first of them; it doubles each time.
const WAIT: Duration = Duration::from_millis(500);

/// Tells how many bytes are there, and how many there will be.
pub type Progress<'a> = dyn FnMut(u64, Option<u64>) + 'a;

/// Downloads a file of the catalogue into a folder that is there: from `base` with the file's name behind it, else
/// from its publisher. Returns its path.
///
/// # Errors
/// No connection, another file, a full disk; what came of the right file so far stays for the next time.
pub fn download(
    entry: &CatalogueEntry,
    base: Option<&str>,
    folder: &Path,
    progress: &mut Progress,
) -> Result<PathBuf, DownloadError> {
    let client = Client::new();
    let path = folder.join(entry.file);
    let most = entry.bytes + entry.bytes / 4 + (1 << 20);
    let archive = entry.origin.archive.filter(|_| base.is_none());
    let url = match base {
        Some(base) => format!("{}/{}", base.trim_end_matches('/'), entry.file),
        None => entry.origin.url.to_string(),
    };
    let job = Job { client, url, most };
    match archive {
        None => {
            let part = job.fetch(&path, entry.digest, progress)?;
            part.commit().map_err(|error| disk(&path, error))?;
        }
        Some((member, sum)) => {
            let archive = folder.join(format!("{}.archive", entry.file));
            let part = job.fetch(&archive, KnownDigest::Full(sum), progress)?;
            job.unpack(&part, member, &path, entry.digest)?;
            part.remove().map_err(|error| disk(&archive, error))?;
        }
    }
    Ok(path)
}

fn disk(path: &Path, error: io::Error) -> DownloadError {
    let path = shown(path).to_string();
    match error.kind() {
        io::ErrorKind::WouldBlock => DownloadError::Busy(path),
        _ => DownloadError::Disk { path, error },
    }
}

/// One address and what may come from there.
struct Job {
    client: Client,
    url: String,
    most: u64,
}

impl Job {
    /// Downloads all of a file that is to lie at `path`, without giving it its name.
    fn fetch(
        &self,
        path: &Path,
        expected: KnownDigest,
        progress: &mut Progress,
    ) -> Result<PartialFile, DownloadError> {
        let mut part = PartialFile::open(path).map_err(|error| disk(path, error))?;
        let mut resumed = !part.is_empty();
        loop {
            self.fill(&mut part, path, progress)?;
            let found = digest(part.file()).map_err(|error| disk(path, error))?;
            if expected.is_of(&found) {
                return Ok(part);
            }
            // What was there before may have been of another file: once more from the beginning.
            part.clear().map_err(|error| disk(path, error))?;
            if !std::mem::take(&mut resumed) {
                let _ = part.remove(); // it is empty
                return Err(self.wrong(found, expected));
            }
        }
    }

    fn wrong(&self, found: String, expected: KnownDigest) -> DownloadError {
        let expected = match expected {
            KnownDigest::Full(digits) => digits.to_string(),
            KnownDigest::Start(digits) => format!("one that begins with {digits}"),
        };
        DownloadError::Digest {
            url: self.url.clone(),
            found,
            expected,
        }
    }

    /// Asks for what is missing until all of it is there.
    fn fill(
        &self,
        part: &mut PartialFile,
        path: &Path,
        progress: &mut Progress,
    ) -> Result<(), DownloadError> {
        let mut failures = 0;
        loop {
            let before = part.len();
            match self.attempt(part, path, progress) {
                Err(error) if error.is_passing() => {
                    failures = if part.len() > before { 1 } else { failures + 1 };
                    if failures >= ATTEMPTS {
                        return Err(error);
                    }
                    std::thread::sleep(WAIT * (1 << (failures - 1)));
                }
                done => return done,
            }
        }
    }

    fn attempt(
        &self,
        part: &mut PartialFile,
        path: &Path,
        progress: &mut Progress,
    ) -> Result<(), DownloadError> {
        let fail = |error| disk(path, error);
        let (mut body, announced) = match self.client.get(&self.url, part.len())? {
            Answer::Rest { body, len } => (body, len),
            Answer::Whole { body, len } => {
                part.clear().map_err(fail)?;
                (body, len)
            }
            Answer::Nothing { total } if total == Some(part.len()) => return Ok(()),
            Answer::Nothing { .. } => {
                part.clear().map_err(fail)?;
                return Err(self.cut(0, "what was there is longer than the file".into()));
            }
        };
        let total = announced.map(|len| part.len().saturating_add(len));
        let too_large = || DownloadError::TooLarge {
            url: self.url.clone(),
            most: self.most,
        };
        if total.is_some_and(|total| total > self.most) {
            return Err(too_large());
        }
        let mut chunk = vec![0; 1 << 16];
        loop {
            let count = body
                .read(&mut chunk)
                .map_err(|error| self.cut(part.len(), error.to_string()))?;
            if count == 0 {
                break;
            }
            if part.len() + count as u64 > self.most {
                part.clear().map_err(fail)?;
                return Err(too_large());
            }
            part.append(&chunk[..count]).map_err(fail)?;
            progress(part.len(), total);
        }
        match total.filter(|total| *total != part.len()) {
            Some(total) => Err(self.cut(part.len(), format!("of {total}"))),
            None => Ok(()),
        }
    }

    fn cut(&self, got: u64, why: String) -> DownloadError {
        DownloadError::Cut {
            url: self.url.clone(),
            got,
            why,
        }
    }

    /// Writes a member of the archive that came as the file at `path`.
    fn unpack(
        &self,
        archive: &PartialFile,
        member: &str,
        path: &Path,
        expected: KnownDigest,
    ) -> Result<(), DownloadError> {
        let fail = |why: String| DownloadError::Archive {
            url: self.url.clone(),
            why,
        };
        let file = archive.file().try_clone();
        let file = file.map_err(|error| disk(path, error))?;
        let zip = Zip::open(Arc::new(file)).map_err(|error| fail(error.to_string()))?;
        let place = zip.find(member);
        let place = place.ok_or_else(|| fail(format!("has no member {member}")))?;
        let mut sum = Sha256::new();
        let (fault, mut why) = (FaultPoint::default(), None);
        let staged = StagedFile::write(path, &fault, |out| {
            let copied = zip.read(place, |from| copy(from, out, &mut sum, self.most));
            copied.map_err(|error: ZipError| {
                why = Some(error.to_string());
                io::Error::other("the archive is damaged")
            })
        });
        let staged = staged.map_err(|error| match why {
            Some(why) => fail(format!("holds {member}, which {why}")),
            None => disk(path, io::Error::other(format!("{error:#}"))),
        })?;
        let found = hexadecimal(&sum.finalize());
        if !expected.is_of(&found) {
            return Err(self.wrong(found, expected));
        }
        let committed = staged.commit(&fault);
        committed.map_err(|error| disk(path, io::Error::other(format!("{error:#}"))))
    }
}

/// Copies at most `most` bytes and sums them up.
fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    sum: &mut Sha256,
    most: u64,
) -> Result<(), ZipError> {
    let mut chunk = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = from.read(&mut chunk)?;
        total += count as u64;
        if total > most {
            return Err(ZipError::TooLarge(most));
        }
        if count == 0 {
            return Ok(());
        }
        sum.update(&chunk[..count]);
        to.write_all(&chunk[..count])?;
    }
}
