//! Groups the members of an archive into samples with labels.

use std::collections::{HashMap, HashSet};
use std::fs::File;

use super::members::{check_image, is_hidden_member};
use super::scanned::{Image, Scanned};
use super::tar_member::{Content, Member};
use crate::data::files::kind::HIDDEN;
use crate::data::text::without_bom;
use crate::storage::positional::read_at;

/// The most bytes of a label file.
const MAX_LABEL: u64 = 1 << 20;

/// Why an image is left out.
pub const NO_LABEL: &str = "an image without a label";
/// Why a label is left out.
pub const NO_IMAGE: &str = "a label without an image";
const SECOND_IMAGE: &str = "a further image of the same sample";

/// Gathers the members of one sample after the other.
///
/// The key of a sample is WebDataset's: its name up to the first dot of the base name. Names with more dots
/// ("v1.2_000.jpg" beside "v1.2_000.cls", or "cat.0.jpg" and "cat.1.jpg" in a folder of a class) would
/// become one sample by that rule; there, the part between key and extension distinguishes samples.
pub struct Groups<'a> {
    /// What was gathered so far.
    pub scanned: Scanned,
    archive: String,
    file: &'a File,
    /// Labels that are known, with their indices.
    known: HashMap<String, u32>,
    key: String,
    images: Vec<Part>,
    /// By what stands between key and extension.
    labels: HashMap<String, String>,
}

/// An image of the sample whose members come now.
struct Part {
    name: Box<str>,
    /// What stands between key and extension.
    middle: String,
    offset: u64,
    len: u32,
}

impl Groups<'_> {
    /// Nothing gathered yet, of an archive of this name.
    pub fn new(archive: String, file: &File) -> Groups<'_> {
        Groups {
            scanned: Scanned::default(),
            archive,
            file,
            known: HashMap::new(),
            key: String::new(),
            images: Vec::new(),
            labels: HashMap::new(),
        }
    }

    /// Takes the next member.
    pub fn add(&mut self, member: Member) {
        let name = member.name;
        if matches!(member.content, Content::Folder) {
            return;
        }
        if is_hidden_member(&name) {
            return self.leave_out(HIDDEN, &name);
        }
        let (offset, len) = match member.content {
            Content::Bytes { offset, len } => (offset, len),
            Content::Nothing(reason) => return self.leave_out(reason, &name),
            Content::Folder | Content::Link(_) => return,
        };
        let (folder, base) = name.rsplit_once('/').unwrap_or(("", &name));
        let (stem, rest) = base.split_once('.').unwrap_or((base, ""));
        let (middle, extension) = rest.rsplit_once('.').unwrap_or(("", rest));
        let key = format!("{folder}/{stem}");
        if key != self.key {
            self.close();
            self.key = key;
        }
        if matches!(extension, "cls" | "json") {
            match read_label(self.file, offset, len, extension) {
                Some(label) => drop(self.labels.insert(middle.to_string(), label)),
                None => self.leave_out("a file that holds no label", &name),
            }
            return;
        }
        let looked = check_image(self.file, base, offset, len);
        let len = u32::try_from(len).map_err(|_| "larger than 4 GiB");
        match looked.and(len) {
            Err(reason) => self.leave_out(reason, &name),
            Ok(len) => {
                let middle = middle.to_string();
                self.images.push(Part {
                    name,
                    middle,
                    offset,
                    len,
                });
            }
        }
    }

    fn leave_out(&mut self, reason: &str, name: &str) {
        let archive = &self.archive;
        let name = || format!("{archive}:{name}");
        self.scanned.left_out.add(reason, name);
    }

    /// Ends the sample, or samples, whose members came last.
    fn close(&mut self) {
        let (images, labels) = (
            std::mem::take(&mut self.images),
            std::mem::take(&mut self.labels),
        );
        let is_plain = |image: &Part| image.middle.is_empty();
        let (plain_image, plain_label) = (images.iter().any(is_plain), labels.get(""));
        let key = self.key.trim_start_matches('/').to_string();
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = folder
            .rsplit('/')
            .next()
            .filter(|folder| !folder.is_empty() && *folder != ".");
        let mut taken: HashSet<String> = HashSet::new();
        for image in images {
            let own = labels.get(&image.middle);
            // An image with a name of its own belongs to a sample with the key alone, where there is one.
            let sample = match own {
                None if plain_image || plain_label.is_some() => "",
                _ => &image.middle,
            };
            let label = own.or(plain_label).map(String::as_str).or(folder);
            if plain_image && sample != image.middle || !taken.insert(sample.to_string()) {
                self.leave_out(SECOND_IMAGE, &image.name);
                continue;
            }
            match label {
                Some(label) => self.push(image, label),
                None => self.leave_out(NO_LABEL, &image.name),
            }
        }
        let mut unused: Vec<&String> = labels
            .keys()
            .filter(|middle| !taken.contains(*middle))
            .collect();
        unused.sort();
        for middle in unused {
            let dot = if middle.is_empty() { "" } else { "." };
            self.leave_out(NO_IMAGE, &format!("{key}{dot}{middle}"));
        }
    }

    fn push(&mut self, image: Part, label: &str) {
        let index = match self.known.get(label) {
            Some(index) => *index,
            None => {
                let index = self.scanned.labels.len() as u32;
                self.scanned.labels.push(label.to_string());
                self.known.insert(label.to_string(), index);
                index
            }
        };
        self.scanned.images.push(Image {
            name: image.name,
            offset: image.offset,
            len: image.len,
            label: index,
        });
    }

    /// Finishes, after the last member.
    pub fn finish(mut self) -> Scanned {
        self.close();
        self.scanned
    }
}

/// The label that a file of this extension holds.
fn read_label(file: &File, offset: u64, len: u64, extension: &str) -> Option<String> {
    let len = Some(len).filter(|len| *len <= MAX_LABEL)?;
    let mut bytes = vec![0; len as usize];
    read_at(file, &mut bytes, offset).ok()?;
    let text = String::from_utf8(bytes).ok()?;
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
