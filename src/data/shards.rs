//! Tar archives: which there are, and where in them the labelled pictures lie.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tar::{Archive, Entry};

use super::decode::is_picture_name;
use super::text::without_bom;

/// A labelled picture in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name within the archive.
    pub name: Box<str>,
    /// From the archive's beginning, bytes.
    pub offset: u64,
    /// Bytes.
    pub len: u32,
    /// The index of its label.
    pub label: u32,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub struct Scanned {
    /// In the archive's order.
    pub pictures: Vec<Picture>,
    /// Labels, as the archive says them, in the order of their first appearance.
    pub labels: Vec<String>,
    /// Entries that are no samples, with the archive's name.
    pub left_out: Vec<String>,
}

/// The most archives that a range may name.
const MAX_SHARDS: usize = 1_000_000;
/// A label file that is larger is none.
const MAX_LABEL: u64 = 1 << 20;

/// The files that names, patterns (`*`) and ranges (`{000..019}`) stand for, each in order.
///
/// # Errors
/// One that stands for no file, in words that follow the key.
pub fn expand(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        let text = pattern.to_str().ok_or("holds a name that is not Unicode")?;
        for name in expand_range(text)? {
            let path = PathBuf::from(&name);
            if path.is_file() {
                files.push(path);
                continue;
            }
            let found = glob::glob(&name).map_err(|e| format!("is {name:?}, no pattern: {e}"))?;
            let mut found: Vec<PathBuf> = found.filter_map(Result::ok).collect();
            found.retain(|path| path.is_file());
            found.sort();
            if found.is_empty() {
                return Err(format!("is {text:?}, and there is no file {name}"));
            }
            files.extend(found);
        }
    }
    Ok(files)
}

/// `a{08..11}b` as `a08b`, `a09b`, `a10b`, `a11b`.
fn expand_range(text: &str) -> Result<Vec<String>, String> {
    let braces = text.split_once('{').and_then(|(before, rest)| {
        let (range, after) = rest.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((before, first, last, after))
    });
    let Some((before, first, last, after)) = braces else {
        return Ok(vec![text.to_string()]);
    };
    let (Ok(from), Ok(to)) = (first.parse::<usize>(), last.parse::<usize>()) else {
        return Err(format!(
            "is {text:?}, expected numbers in {{{first}..{last}}}"
        ));
    };
    if from > to || to - from >= MAX_SHARDS {
        return Err(format!(
            "is {text:?}, whose range {from} to {to} is no range"
        ));
    }
    let width = first.len();
    Ok((from..=to)
        .map(|number| format!("{before}{number:0width$}{after}"))
        .collect())
}

/// Looks through archives, several at a time.
///
/// # Errors
/// The first that cannot be read to its end, in words that follow the key.
pub fn scan(shards: &[PathBuf]) -> Result<Vec<Scanned>, String> {
    shards
        .par_iter()
        .map(|shard| {
            scan_one(shard).map_err(|error| {
                format!("holds {}, which cannot be read: {error}", shard.display())
            })
        })
        .collect()
}

fn scan_one(path: &Path) -> Result<Scanned, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    let mut archive = Archive::new(file);
    let mut groups = Groups::new(path);
    let damaged = |error: std::io::Error| {
        let gzip = File::open(path).is_ok_and(|mut file| {
            let mut head = [0; 2];
            file.read_exact(&mut head).is_ok() && head == [0x1F, 0x8B]
        });
        if gzip {
            "it is compressed, and samples are read by place; unpack it with gunzip".to_string()
        } else {
            format!("it is damaged or no tar archive ({error})")
        }
    };
    for entry in archive.entries_with_seek().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if entry.raw_file_position() + entry.size() > size {
            return Err("it ends early; fetch it again, or take it from the list".to_string());
        }
        groups.add(&mut entry);
    }
    Ok(groups.finish())
}

/// Gathers the entries of one sample after the other: those of the same name up to its first dot.
struct Groups {
    scanned: Scanned,
    archive: String,
    stem: String,
    picture: Option<(Box<str>, u64, u32)>,
    label: Option<String>,
}

impl Groups {
    fn new(path: &Path) -> Groups {
        let archive = path.file_name().unwrap_or_default().display().to_string();
        Groups {
            scanned: Scanned::default(),
            archive,
            stem: String::new(),
            picture: None,
            label: None,
        }
    }

    fn add(&mut self, entry: &mut Entry<File>) {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
        if file.starts_with('.') {
            return;
        }
        let (stem, extension) = file.split_once('.').unwrap_or((file, ""));
        let stem = format!("{folder}/{stem}");
        if stem != self.stem {
            self.close();
            self.stem = stem;
        }
        if is_picture_name(Path::new(file)) {
            let len = u32::try_from(entry.size()).ok();
            match (len, &self.picture) {
                (Some(len), None) => {
                    self.picture = Some((name.into(), entry.raw_file_position(), len));
                }
                _ => self.leave_out(&name),
            }
        } else if let Some(label) = read_label(entry, extension) {
            self.label = Some(label);
        } else {
            self.leave_out(&name);
        }
    }

    fn leave_out(&mut self, name: &str) {
        let archive = &self.archive;
        self.scanned.left_out.push(format!("{archive}:{name}"));
    }

    /// The same for an entry that is known by its name without extension.
    fn leave_out_stem(&mut self) {
        let name = self.stem.trim_start_matches('/').to_owned();
        self.leave_out(&name);
    }

    /// Ends the sample whose entries came last.
    fn close(&mut self) {
        let label = self.label.take();
        let Some((name, offset, len)) = self.picture.take() else {
            if label.is_some() {
                self.leave_out_stem();
            }
            return;
        };
        let folder = self.stem.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = folder
            .rsplit('/')
            .next()
            .filter(|folder| !folder.is_empty() && *folder != ".");
        let Some(label) = label.or_else(|| folder.map(String::from)) else {
            self.leave_out(&name);
            return;
        };
        let labels = &mut self.scanned.labels;
        let index = labels.iter().position(|known| *known == label);
        let index = index.unwrap_or_else(|| {
            labels.push(label);
            labels.len() - 1
        });
        self.scanned.pictures.push(Picture {
            name,
            offset,
            len,
            label: index as u32,
        });
    }

    fn finish(mut self) -> Scanned {
        self.close();
        self.scanned
    }
}

/// The label that a file of this extension holds.
fn read_label(entry: &mut Entry<File>, extension: &str) -> Option<String> {
    if !matches!(extension, "cls" | "json") || entry.size() > MAX_LABEL {
        return None;
    }
    let mut text = String::new();
    entry.read_to_string(&mut text).ok()?;
    let text = without_bom(&text);
    let label = match extension {
        "cls" => text.trim().to_string(),
        _ => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            let label = ["label", "class", "cls"]
                .iter()
                .find_map(|key| json.get(key))?;
            match label {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Number(number) => number.to_string(),
                _ => return None,
            }
        }
    };
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_keeps_its_leading_zeros() {
        let names = expand_range("a-{08..11}.tar").expect("a range");
        assert_eq!(names, ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]);
        assert_eq!(expand_range("a.tar").expect("a name"), ["a.tar"]);
        assert!(expand_range("a-{3..1}.tar").is_err());
        assert!(expand_range("a-{x..y}.tar").is_err());
    }

    fn archive(entries: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("train-0.tar");
        let mut builder = tar::Builder::new(File::create(&path).expect("a file"));
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder
                .append_data(&mut header, name, *bytes)
                .expect("an entry");
        }
        builder.finish().expect("an archive");
        (folder, path)
    }

    #[test]
    fn files_of_one_name_are_one_sample_and_the_rest_is_named() {
        let (_folder, path) = archive(&[
            ("1.cls", b"7\n"),
            ("1.jpg", b"abc"),
            ("2.png", b"de"),
            ("2.json", br#"{"label": "cat"}"#),
            ("dog/3.jpg", b"f"),
            ("4.jpg", b"no label"),
            ("5.cls", b"no picture"),
            ("README.md", b"text"),
        ]);
        let scanned = scan_one(&path).expect("an archive");
        assert_eq!(scanned.labels, ["7", "cat", "dog"]);
        let bytes = std::fs::read(&path).expect("a file");
        let content: Vec<&[u8]> = scanned
            .pictures
            .iter()
            .map(|picture| &bytes[picture.offset as usize..][..picture.len as usize])
            .collect();
        assert_eq!(content, [&b"abc"[..], b"de", b"f"]);
        let left_out = [
            "train-0.tar:4.jpg",
            "train-0.tar:5",
            "train-0.tar:README.md",
        ];
        assert_eq!(scanned.left_out, left_out);
    }

    #[test]
    fn an_archive_that_ends_early_says_so() {
        let (_folder, path) = archive(&[("1.cls", b"7"), ("1.jpg", &[1; 5000])]);
        let file = File::options().write(true).open(&path).expect("a file");
        file.set_len(3000).expect("a size");
        let message = scan_one(&path).expect_err("a fault");
        assert!(message.contains("ends early"), "{message}");
        std::fs::write(&path, [0x1F, 0x8B, 8, 0].repeat(300)).expect("a file");
        let message = scan_one(&path).expect_err("a fault");
        assert!(message.contains("gunzip"), "{message}");
    }
}
