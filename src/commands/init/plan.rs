//! The plan of a starter: the keys of `[data]`, before the experiment is written as text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;

use super::sets;
use super::words::{quoted, relative_to};
use crate::config::Fault;
use crate::console::path_text;
use crate::data::{Survey, read_source};

/// A key of `[data]`.
pub(super) struct Entry {
    key: &'static str,
    value: Said,
    /// The comment after the key.
    remark: &'static str,
}

/// A value, of which paths are written relative to the experiment.
enum Said {
    Path(PathBuf),
    Paths(Vec<PathBuf>),
    Value(Value),
}

/// The data of a starter.
#[derive(Default)]
pub(super) struct Plan {
    entries: Vec<Entry>,
    /// Notes about what was found.
    pub notes: Vec<String>,
    /// Samples without labels, for `predict`.
    pub unlabelled: Vec<PathBuf>,
    /// Whether images may be mirrored and turned.
    pub photographs: bool,
    /// Whether the samples are texts.
    pub texts: bool,
}

impl Plan {
    /// Of a kind.
    pub fn of(kind: &str, remark: &'static str) -> Plan {
        let mut plan = Plan::default();
        plan.say("kind", Value::from(kind), remark);
        plan
    }

    /// Adds a key.
    pub fn say(&mut self, key: &'static str, value: impl Into<Value>, remark: &'static str) {
        let value = Said::Value(value.into());
        let entry = Entry { key, value, remark };
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Adds a key with a path.
    pub fn at(&mut self, key: &'static str, path: &Path, remark: &'static str) {
        let value = Said::Path(path.to_path_buf());
        self.entries.push(Entry { key, value, remark });
    }

    /// Adds a key with several paths.
    pub fn at_all(&mut self, key: &'static str, paths: &[PathBuf], remark: &'static str) {
        let value = Said::Paths(paths.to_vec());
        self.entries.push(Entry { key, value, remark });
    }

    /// Adds the folders of the splits that there are.
    pub fn splits(&mut self, train: &Path, valid: Option<&Path>, test: Option<&Path>) {
        self.at("train", train, "");
        match valid {
            Some(valid) => self.at("valid", valid, ""),
            None => self.say("valid_fraction", 0.2, "a fifth of each class is held back"),
        }
        if let Some(test) = test {
            self.at(
                "test",
                test,
                "evaluated once, after training; never part of it",
            );
        }
    }

    /// Whether the samples are files of images, each of its own size.
    pub fn is_of_image_files(&self) -> bool {
        let is_kind = |entry: &Entry, kind: &str| {
            entry.key == "kind" && matches!(&entry.value, Said::Value(value) if value == kind)
        };
        let mut entries = self.entries.iter();
        entries.any(|entry| is_kind(entry, "image-folder") || is_kind(entry, "webdataset"))
    }

    /// Whether there is a key.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|entry| entry.key != key);
    }

    /// The samples, listed as the experiment will list them.
    ///
    /// # Errors
    /// The faults that `kiln check` would report of the data.
    pub fn survey(&self, flags: &[String]) -> anyhow::Result<Box<dyn Survey>> {
        let mut options: BTreeMap<String, Value> = BTreeMap::new();
        for entry in &self.entries {
            let text = |path: &PathBuf| Value::from(path_text(path).into_owned());
            let value = match &entry.value {
                Said::Path(path) => text(path),
                Said::Paths(paths) => paths.iter().map(text).collect(),
                Said::Value(value) => value.clone(),
            };
            options.insert(entry.key.to_string(), value);
        }
        for (key, value) in sets::data(flags)? {
            options.insert(key, value);
        }
        let explain = |faults: Vec<Fault>| {
            let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
            anyhow!("{}", faults.join("\n"))
        };
        read_source(&options)
            .and_then(|source| source.survey(1))
            .map_err(explain)
    }

    /// The keys as TOML, one a line.
    ///
    /// # Errors
    /// A path that cannot be made relative.
    pub fn to_toml(&self, out: &Path) -> anyhow::Result<String> {
        let mut text = String::new();
        for entry in &self.entries {
            let value = match &entry.value {
                Said::Path(path) => quoted(&relative_to(out, path)?),
                Said::Paths(paths) => {
                    let paths: anyhow::Result<Vec<String>> = paths
                        .iter()
                        .map(|path| Ok(quoted(&relative_to(out, path)?)))
                        .collect();
                    format!("[{}]", paths?.join(", "))
                }
                Said::Value(value) => toml(value),
            };
            let line = format!("{} = {value}", entry.key);
            text.push_str(&match entry.remark {
                "" => format!("{line}\n"),
                remark => format!("{line:<33}# {remark}\n"),
            });
        }
        Ok(text)
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
