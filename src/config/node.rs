//! A parsed experiment in which every key and value remembers where it was written.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};

/// Where a key or a value came from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A byte range of the experiment file.
    File(Range<usize>),
    /// The `--set` flag with this index.
    Flag(usize),
    /// Known to be in the file, but not where (the root table).
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

/// The way from the root to a value; prints as `model.layers[2].dense.units`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Reads `a.b.c`; list indices are written `a[2]`.
    pub fn parse(text: &str) -> Path {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let mut rest = part.split('[');
            let key = rest.next().unwrap_or_default();
            if !key.is_empty() {
                steps.push(Step::Key(key.to_string()));
            }
            for index in rest {
                match index.trim_end_matches(']').parse() {
                    Ok(index) => steps.push(Step::Index(index)),
                    Err(_) => steps.push(Step::Key(index.to_string())),
                }
            }
        }
        Path(steps)
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
                Step::Key(key) if i == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Node {
    /// An empty table with no known place.
    pub fn empty() -> Node {
        Node {
            kind: Kind::Table(Vec::new()),
            origin: Origin::Unknown,
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
        for text in ["train.epochs", "model.layers[2].dense.units", "a[0][1].b"] {
            assert_eq!(Path::parse(text).to_string(), text);
        }
    }
}
