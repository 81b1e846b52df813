//! Finds and scans tar archives for labelled images.

use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::error::{ShardsError, TarError};
use super::sample_groups::Groups;
use super::tar_members::read_members;
use crate::console::{Show as _, path_text, text_path};
use crate::data::image::sources::webdataset::scanned::Scanned;
use crate::storage::open_regular;

/// The most archives that a range may name.
const MAX_SHARDS: usize = 1_000_000;

/// The files that names, patterns (`*`) and ranges (`{000..019}`) stand for, each in order.
///
/// # Errors
/// One that stands for no file.
pub fn expand(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, ShardsError> {
    let mut files = Vec::new();
    for pattern in patterns {
        let text = &*path_text(pattern);
        for name in expand_range(text)? {
            let path = text_path(&name);
            // A special file is reported when it is opened.
            if path.exists() && !path.is_dir() {
                files.push(path);
                continue;
            }
            let found = glob::glob(&name).map_err(|error| ShardsError::Pattern {
                name: name.clone(),
                error,
            })?;
            let mut found: Vec<PathBuf> = found.filter_map(Result::ok).collect();
            found.retain(|path| !path.is_dir());
            found.sort();
            if found.is_empty() {
                let pattern = text.to_string();
                return Err(ShardsError::NoFile { pattern, name });
            }
            files.extend(found);
        }
    }
    Ok(files)
}

/// `a{08..11}b` as `a08b`, `a09b`, `a10b`, `a11b`.
fn expand_range(text: &str) -> Result<Vec<String>, ShardsError> {
    let braces = text.split_once('{').and_then(|(before, rest)| {
        let (range, after) = rest.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((before, first, last, after))
    });
    let Some((before, first, last, after)) = braces else {
        return Ok(vec![text.to_string()]);
    };
    let (Ok(from), Ok(to)) = (first.parse::<usize>(), last.parse::<usize>()) else {
        return Err(ShardsError::NoNumbers {
            pattern: text.to_string(),
            first: first.to_string(),
            last: last.to_string(),
        });
    };
    if from > to || to - from >= MAX_SHARDS {
        let pattern = text.to_string();
        return Err(ShardsError::Range { pattern, from, to });
    }
    let width = first.len();
    Ok((from..=to)
        .map(|number| format!("{before}{number:0width$}{after}"))
        .collect())
}

/// Scans archives, several at a time.
///
/// # Errors
/// The first that cannot be read to its end.
pub fn scan(shards: &[PathBuf]) -> Result<Vec<Scanned>, ShardsError> {
    shards
        .par_iter()
        .map(|shard| {
            scan_one(shard).map_err(|error| ShardsError::Tar {
                shard: shard.clone(),
                error,
            })
        })
        .collect()
}

fn scan_one(path: &Path) -> Result<Scanned, TarError> {
    let members = read_members(path).map_err(|error| match is_gzip(path) {
        true => TarError::Compressed,
        false => error,
    })?;
    let file = open_regular(path)?;
    let archive = path.file_name().unwrap_or_default().shown().to_string();
    let mut groups = Groups::new(archive, &file);
    let warnings = &mut groups.scanned.warnings;
    if !members.has_end {
        warnings.push(format!(
            "{} has no end-of-archive mark: it may be cut off after its last whole member; compare it with its \
             source",
            path.shown()
        ));
    }
    if members.has_more {
        warnings.push(format!(
            "{} goes on after its end-of-archive mark (archives put together with cat?); what follows is not read",
            path.shown()
        ));
    }
    members
        .list
        .into_iter()
        .for_each(|member| groups.add(member));
    Ok(groups.finish())
}

fn is_gzip(path: &Path) -> bool {
    let mut head = [0; 2];
    let read = open_regular(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == [0x1F, 0x8B]
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::data::image::sources::webdataset::sample_groups::{NO_IMAGE, NO_LABEL};
    use crate::data::image::sources::webdataset::scanned::Image;

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
            ("5.cls", b"no image"),
            ("README.md", b"text"),
        ]);
        let scanned = scan_one(&path).expect("an archive");
        assert_eq!(scanned.labels, ["7", "cat", "dog"]);
        let bytes = std::fs::read(&path).expect("a file");
        let content: Vec<&[u8]> = scanned
            .images
            .iter()
            .map(|image| &bytes[image.offset as usize..][..image.len as usize])
            .collect();
        assert_eq!(content, [&b"abc"[..], b"de", b"f"]);
        let reasons = scanned.left_out.reasons().iter();
        let left_out: Vec<_> = reasons.map(|r| (&*r.reason, &*r.first[0])).collect();
        let expected = [
            (NO_LABEL, "train-0.tar:4.jpg"),
            (NO_IMAGE, "train-0.tar:5"),
            ("not an image", "train-0.tar:README.md"),
        ];
        assert_eq!(left_out, expected);
    }

    #[test]
    fn names_with_dots_are_samples_of_their_own_where_the_key_alone_would_merge_them() {
        let samples = |entries: &[(&str, &[u8])]| {
            let (_folder, path) = archive(entries);
            let scanned = scan_one(&path).expect("an archive");
            let label = |image: &Image| scanned.labels[image.label as usize].clone();
            let each = scanned
                .images
                .iter()
                .map(|image| format!("{}={}", image.name, label(image)));
            (each.collect::<Vec<_>>().join(" "), scanned.left_out.count())
        };
        let with_labels = samples(&[
            ("d/v1.2_000.jpg", b"a"),
            ("d/v1.2_000.cls", b"0"),
            ("d/v1.2_001.cls", b"1"),
            ("d/v1.2_001.jpg", b"b"),
        ]);
        assert_eq!(with_labels, ("d/v1.2_000.jpg=0 d/v1.2_001.jpg=1".into(), 0));
        let in_folders = samples(&[("cat/cat.0.jpg", b"a"), ("cat/cat.1.jpg", b"b")]);
        assert_eq!(
            in_folders,
            ("cat/cat.0.jpg=cat cat/cat.1.jpg=cat".into(), 0)
        );
        // WebDataset's rule as it is: further fields of a sample.
        let fields = samples(&[
            ("1.cls", b"0"),
            ("1.jpg", b"a"),
            ("1.mask.png", b"b"),
            ("1.depth.png", b"c"),
        ]);
        assert_eq!(fields, ("1.jpg=0".into(), 2));
        let only_fields = samples(&[("1.left.jpg", b"a"), ("1.right.jpg", b"b"), ("1.cls", b"0")]);
        assert_eq!(only_fields, ("1.left.jpg=0".into(), 1));
        let in_folder = samples(&[("a/1.jpg", b"a"), ("a/1.mask.png", b"b")]);
        assert_eq!(in_folder, ("a/1.jpg=a".into(), 1));
    }

    #[test]
    fn an_archive_that_ends_early_says_so() {
        let (_folder, path) = archive(&[("1.cls", b"7"), ("1.jpg", &[1; 5000])]);
        let file = File::options().write(true).open(&path).expect("a file");
        file.set_len(3000).expect("a size");
        let message = scan_one(&path).expect_err("a fault").to_string();
        assert!(message.contains("ends early"), "{message}");
        std::fs::write(&path, [0x1F, 0x8B, 8, 0].repeat(300)).expect("a file");
        let message = scan_one(&path).expect_err("a fault").to_string();
        assert!(message.contains("gunzip"), "{message}");
    }
}
