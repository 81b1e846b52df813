//! The parse tree of an experiment, in which every key and value knows its position in the file.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};
use thiserror::Error;

/// The most nested levels of an experiment: functions recurse over them, and a model file, which contains the experiment,
/// is parsed with at most 128.
pub const MAX_DEPTH: usize = 64;

/// The origin of a key or value.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A byte range of the experiment file.
    File(Range<usize>),
    /// The `--set` flag with this index.
    Flag(usize),
    /// In the file, without a position (the root table).
    Unknown,
}

/// One value with its origin.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where the value was written.
    pub origin: Origin,
}

/// The value of a [`Node`].
#[derive(Clone, Debug)]
pub enum Kind {
    /// A string, number, boolean or (in JSON) null.
    Scalar(Value),
    /// A list, in order.
    List(Vec<Node>),
    /// A table: key, where the key was written, value; in order.
    Table(Vec<(String, Origin, Node)>),
}

/// One step from a table or list to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// An index of a list.
    Index(usize),
}

/// The path from the root to a value; prints as `model.layers[2].dense.units`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Parses a path of the program's own; a text that is no path is one key.
    pub fn parse(text: &str) -> Path {
        Self::read(text).unwrap_or_else(|_| Path(vec![Step::Key(text.to_string())]))
    }

    /// Parses `a.b.c`; list indices are written `a[2]`, keys with characters other than letters, digits, `_` and `-` in
    /// quotes as in TOML: `a."b.c"`.
    ///
    /// # Errors
    /// What is no path.
    pub fn read(text: &str) -> Result<Path, PathError> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        if rest.is_empty() {
            return Ok(Path(steps));
        }
        loop {
            if steps.len() > MAX_DEPTH {
                return Err(PathError::Deep);
            }
            let (key, after) = read_key(rest)?;
            steps.push(Step::Key(key));
            rest = after;
            while let Some(index) = rest.strip_prefix('[') {
                let (index, after) = index.split_once(']').ok_or(PathError::OpenBracket)?;
                let number = index.trim().parse();
                let number = number.map_err(|_| PathError::Index(index.to_string()))?;
                steps.push(Step::Index(number));
                rest = after.trim_start();
            }
            if rest.is_empty() {
                return Ok(Path(steps));
            }
            let after = rest.strip_prefix('.');
            rest = after.ok_or_else(|| PathError::NoDot(rest.to_string()))?;
            rest = rest.trim_start();
        }
    }

    /// This path with the steps of another behind it.
    pub fn join(&self, more: &Path) -> Path {
        Path(self.0.iter().chain(&more.0).cloned().collect())
    }

    /// This path with one more key.
    pub fn key(&self, key: &str) -> Path {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_string()));
        Path(steps)
    }

    /// This path with one more index.
    pub fn index(&self, index: usize) -> Path {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Path(steps)
    }

    /// The path without its last step.
    pub fn parent(&self) -> Path {
        Path(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(_) if i > 0 => write!(f, ".")?,
                Step::Key(_) => {}
                Step::Index(index) => write!(f, "[{index}]")?,
            }
            if let Step::Key(key) = step {
                match is_bare(key) {
                    true => write!(f, "{key}")?,
                    // JSON's escapes are TOML's.
                    false => write!(f, "{}", Value::from(key.as_str()))?,
                }
            }
        }
        Ok(())
    }
}

/// Whether a key needs no quotes, as in TOML.
fn is_bare(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !key.is_empty() && key.chars().all(plain)
}

/// The bytes of a quoted key at the beginning of a text, with its quotes; `None` if it is not closed.
pub fn quoted_len(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    for (place, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(place + 1),
            _ => {}
        }
    }
    None
}

/// Why a text is no path, in words that follow it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Too many steps.
    #[error("has more than {MAX_DEPTH} levels")]
    Deep,
    /// An index that is not closed.
    #[error("has a `[` without a `]`")]
    OpenBracket,
    /// An index that is no number.
    #[error("has `[{0}]`, expected an index such as [0]; a key with brackets stands in quotes")]
    Index(String),
    /// Something else behind a step.
    #[error("has `{0}` where a dot is expected")]
    NoDot(String),
    /// A key of no letters.
    #[error("has an empty key; one that is meant is written \"\"")]
    EmptyKey,
    /// A quoted key that is not closed.
    #[error("has a quote that is not closed")]
    OpenQuote,
    /// A quoted key that TOML does not read.
    #[error("has the key {0}, whose escapes are not TOML's")]
    Escapes(String),
}

/// A key at the beginning of a path, and what follows it.
fn read_key(text: &str) -> Result<(String, &str), PathError> {
    if !text.starts_with(['"', '\'']) {
        let (key, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
        return match key.trim() {
            "" => Err(PathError::EmptyKey),
            key => Ok((key.to_string(), rest)),
        };
    }
    let len = quoted_len(text).ok_or(PathError::OpenQuote)?;
    let (quoted, rest) = text.split_at(len);
    let inner = &quoted[1..len - 1];
    let key = match quoted.parse::<toml_edit::Value>() {
        Ok(toml_edit::Value::String(key)) => key.into_value(),
        // TOML has no line ends in such texts, but a shell may give them.
        _ if !inner.contains('\\') => inner.to_string(),
        _ => return Err(PathError::Escapes(quoted.to_string())),
    };
    Ok((key, rest.trim_start()))
}

impl Node {
    /// An empty table without a position.
    pub fn empty() -> Node {
        Node {
            kind: Kind::Table(Vec::new()),
            origin: Origin::Unknown,
        }
    }

    /// The position of the first value that is nested too deep, if there is one.
    pub fn too_deep(&self, levels: usize) -> Option<&Origin> {
        if levels == 0 {
            return Some(&self.origin);
        }
        match &self.kind {
            Kind::Scalar(_) => None,
            Kind::List(items) => items.iter().find_map(|item| item.too_deep(levels - 1)),
            Kind::Table(entries) => {
                let mut nodes = entries.iter().map(|(_, _, node)| node);
                nodes.find_map(|node| node.too_deep(levels - 1))
            }
        }
    }

    /// The plain value, without origins.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, _, node)| (key.clone(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The member one step away.
    pub fn get(&self, step: &Step) -> Option<&Node> {
        match (&self.kind, step) {
            (Kind::Table(entries), Step::Key(key)) => entries
                .iter()
                .find(|(name, _, _)| name == key)
                .map(|(_, _, node)| node),
            (Kind::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    /// The value at `path`.
    pub fn at(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| node.get(step))
    }

    /// Where the value at `path` was written: the value itself, or where it is missing the
    /// nearest table that should hold it.
    pub fn locate(&self, path: &Path) -> Origin {
        let mut node = self;
        let mut origin = Origin::Unknown;
        for step in &path.0 {
            match node.get(step) {
                Some(next) => {
                    node = next;
                    origin = next.origin.clone();
                }
                None => break,
            }
        }
        origin
    }

    /// Where the key that ends `path` was written.
    pub fn locate_key(&self, path: &Path) -> Origin {
        let (Some(Step::Key(key)), Some(parent)) = (path.0.last(), self.at(&path.parent())) else {
            return self.locate(path);
        };
        match &parent.kind {
            Kind::Table(entries) => entries
                .iter()
                .find(|(name, _, _)| name == key)
                .map_or_else(|| self.locate(path), |(_, origin, _)| origin.clone()),
            _ => self.locate(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_it_is_read() {
        for text in [
            "train.epochs",
            "model.layers[2].dense.units",
            "a[0][1].b",
            r#"data.columns."km/h".role"#,
            r#"a."b.c"[1]"#,
            r#"a."\"\\\n[0]"."""#,
        ] {
            assert_eq!(Path::parse(text).to_string(), text);
        }
    }

    #[test]
    fn any_key_survives() {
        for key in [
            "", ".", "a.b", "[0]", "'", "\"", "\\", "\n\t", "ema/x", "größe", "=", " a ",
        ] {
            let path = Path::parse("data.columns").key(key).key("role");
            assert_eq!(Path::read(&path.to_string()), Ok(path.clone()), "{path}");
        }
        assert_eq!(
            Path::read("a.'b\\.c'"),
            Ok(Path::default().key("a").key("b\\.c"))
        );
        assert_eq!(
            Path::read("a.\"b\nc\""),
            Ok(Path::default().key("a").key("b\nc"))
        );
    }

    #[test]
    fn what_is_no_path_is_reported() {
        for text in [
            "a..b",
            ".a",
            "a.",
            "a[x]",
            "a[0",
            "a.\"b",
            "a.\"b\"c",
            "a[0]b",
            r#"a."\q""#,
        ] {
            Path::read(text).expect_err(text);
        }
        let deep = vec!["a"; 20_000].join(".");
        let message = Path::read(&deep).expect_err("too deep").to_string();
        assert_eq!(message, "has more than 64 levels");
    }
}
