//! Loads an experiment (file, `--set` flags, validation) and renders faults with their position.

use std::path::{Path as FilePath, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;
use thiserror::Error;

use super::experiment::Experiment;
use super::family;
use super::fault::{Excerpts, ExperimentError, Fault};
use super::node::{Kind, MAX_DEPTH, Node, Origin, Path, Step, quoted_len};
use super::parse::{SyntaxFault, parse_json, parse_toml, toml_value};
use crate::console::{path_text, shown, text_path};
use crate::storage::read_text;

/// The most bytes of an experiment file.
const MAX_BYTES: u64 = 16 << 20;

/// An experiment with the text it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The experiment, from the file and the flags.
    pub experiment: Experiment,
    /// What the user should know of it.
    pub notices: Vec<String>,
    excerpts: Excerpts,
    tree: Node,
    /// The folder of the experiment file.
    base: PathBuf,
}

impl Source {
    /// Reads `file` (TOML, or JSON where it ends in `.json`) and applies `--set` flags in order. Paths stay as
    /// written: the data room knows which keys of `[data]` are paths (see `data::load`).
    ///
    /// # Errors
    /// A file that cannot be read, a syntax error, and every unknown key, wrong type, impossible
    /// value and missing part, each with its line.
    pub fn load(file: &FilePath, sets: &[String]) -> anyhow::Result<Source> {
        let name = shown(file).to_string();
        let text = read(file)?;
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_string)
            .unwrap_or(text);
        let excerpts = Excerpts {
            file: name,
            text,
            flags: sets.to_vec(),
        };
        let mut tree = parse(file, &excerpts)?;
        for (index, flag) in sets.iter().enumerate() {
            set(&mut tree, index, flag, &excerpts)?;
        }
        if let Some(origin) = tree.too_deep(MAX_DEPTH) {
            let sentence = format!("is nested more than {MAX_DEPTH} levels deep");
            let hint = "residual blocks one behind the other need no nesting";
            return Err(ExperimentError(excerpts.render_at(origin, &sentence, Some(hint))).into());
        }
        let value = tree.to_value();
        let mut experiment: Experiment = family::read(value, &Path::default())
            .map_err(|faults| explain_all(&excerpts, &tree, &faults))?;
        if experiment.name.is_empty() {
            let stem = file.file_stem().map(|stem| stem.to_string_lossy());
            experiment.name = stem.unwrap_or_else(|| "run".into()).into_owned();
        }
        Ok(Source {
            experiment,
            notices: Vec::new(),
            excerpts,
            tree,
            base: file.parent().map(FilePath::to_path_buf).unwrap_or_default(),
        })
    }

    /// Makes the path, or list of paths, of a key of `[data]` absolute. Relative ones are resolved against the
    /// experiment file, or against the working folder where a flag gave them.
    ///
    /// # Errors
    /// A path that cannot be made absolute.
    pub fn resolve_paths(&mut self, key: &str) -> anyhow::Result<()> {
        let path = Path::parse("data").key(key);
        let resolve = |value: &mut Value, path: &Path| {
            let Value::String(text) = value else {
                return Ok(());
            };
            let resolved = resolve(text, &self.tree.locate(path), &self.base);
            *text =
                resolved.with_context(|| format!("cannot resolve the path {text:?} of {path}"))?;
            anyhow::Ok(())
        };
        match self.experiment.data.get_mut(key) {
            Some(Value::Array(items)) => {
                let mut numbered = items.iter_mut().enumerate();
                numbered.try_for_each(|(index, item)| resolve(item, &path.index(index)))
            }
            Some(value) => resolve(value, &path),
            None => Ok(()),
        }
    }

    /// A path that stands at `path`, made absolute as those of [`resolve_paths`](Self::resolve_paths).
    ///
    /// # Errors
    /// A path that cannot be made absolute.
    pub fn resolved(&self, path: &Path, text: &str) -> anyhow::Result<String> {
        resolve(text, &self.tree.locate(path), &self.base)
            .with_context(|| format!("cannot resolve the path {text:?} of {path}"))
    }

    /// The folder against which relative paths of the experiment file are resolved.
    pub fn folder(&self) -> &FilePath {
        &self.base
    }

    /// Shows faults with file, line and caret.
    pub fn explain(&self, faults: &[Fault]) -> anyhow::Error {
        explain_all(&self.excerpts, &self.tree, faults)
    }

    /// The file's name as the user gave it.
    pub fn file(&self) -> &str {
        &self.excerpts.file
    }
}

fn read(file: &FilePath) -> anyhow::Result<String> {
    ensure!(
        !file.is_dir(),
        "{} is a folder, expected an experiment file (.toml or .json); `kiln init {}` writes one",
        shown(file),
        shown(file)
    );
    read_text(file, MAX_BYTES)
        .with_context(|| format!("cannot read the experiment {}", shown(file)))
}

fn parse(file: &FilePath, excerpts: &Excerpts) -> anyhow::Result<Node> {
    let json = file
        .extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
    let (format, parsed) = if json {
        ("JSON", parse_json(&excerpts.text))
    } else {
        ("TOML", parse_toml(&excerpts.text))
    };
    let node = parsed.map_err(|SyntaxFault { message, span }| {
        let origin = span.map_or(Origin::Unknown, Origin::File);
        let sentence = format!("not valid {format}: {message}");
        ExperimentError(excerpts.render_at(&origin, &sentence, None))
    })?;
    if !matches!(node.kind, Kind::Table(_)) {
        let sentence = "an experiment is a table with the parts data, model and train";
        return Err(ExperimentError(excerpts.render_at(&node.origin, sentence, None)).into());
    }
    Ok(node)
}

fn explain_all(excerpts: &Excerpts, tree: &Node, faults: &[Fault]) -> anyhow::Error {
    let shown: Vec<String> = faults
        .iter()
        .map(|fault| excerpts.render(tree, fault))
        .collect();
    ExperimentError(shown.join("\n\n")).into()
}

/// Applies one `--set key.path=value`. The value is TOML where it parses as such (numbers,
/// lists, booleans, quoted strings), else a plain string.
fn set(tree: &mut Node, index: usize, flag: &str, excerpts: &Excerpts) -> anyhow::Result<()> {
    let fail = |message: &str| {
        let hint = "write --set train.epochs=3";
        ExperimentError(excerpts.render_at(&Origin::Flag(index), message, Some(hint)))
    };
    let (key, text) = key_and_value(flag).ok_or_else(|| fail("has no `=`, expected KEY=VALUE"))?;
    let path = Path::read(key).map_err(|error| fail(&error.to_string()))?;
    if path.0.is_empty() {
        return Err(fail("has no key, expected KEY=VALUE").into());
    }
    let mut node = match text.trim().parse::<toml_edit::Value>() {
        Ok(value) => toml_value(&value),
        Err(_) => Node {
            // Larger than TOML's integers, but a number.
            kind: Kind::Scalar(match text.trim().parse::<u64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::String(text.to_string()),
            }),
            origin: Origin::Unknown,
        },
    };
    mark(&mut node, index);
    place(tree, &path.0, node, index).map_err(|error| fail(&error.to_string()))?;
    Ok(())
}

/// The parts before and after the first `=` that is not in a quoted key.
fn key_and_value(flag: &str) -> Option<(&str, &str)> {
    let (mut place, mut begins) = (0, true);
    while let Some(c) = flag[place..].chars().next() {
        let quoted = (begins && (c == '"' || c == '\'')).then(|| quoted_len(&flag[place..]));
        if c == '=' {
            return Some((&flag[..place], &flag[place + 1..]));
        }
        begins = c == '.' || begins && c == ' ';
        place += quoted.flatten().unwrap_or(c.len_utf8());
    }
    None
}

/// Marks everything below `node` as coming from flag `index`.
fn mark(node: &mut Node, index: usize) {
    node.origin = Origin::Flag(index);
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter_mut().for_each(|item| mark(item, index)),
        Kind::Table(entries) => {
            for (_, origin, value) in entries {
                *origin = Origin::Flag(index);
                mark(value, index);
            }
        }
    }
}

/// A `--set` flag whose key does not fit the experiment; the message follows the flag.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum PlaceError {
    #[error("has index {index}, but the list holds {len} items")]
    Beyond { index: usize, len: usize },
    #[error("has the key `{0}` in a list, expected an index such as [0]")]
    KeyInList(String),
    #[error("has the index [{0}] in a table")]
    IndexInTable(usize),
    #[error("goes below a value that is not a table")]
    BelowValue,
}

fn place(node: &mut Node, steps: &[Step], value: Node, index: usize) -> Result<(), PlaceError> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    match (&mut node.kind, step) {
        (Kind::Table(entries), Step::Key(key)) => {
            let found = entries.iter().position(|(name, _, _)| name == key);
            let position = found.unwrap_or_else(|| {
                let mut table = Node::empty();
                table.origin = Origin::Flag(index);
                entries.push((key.clone(), Origin::Flag(index), table));
                entries.len() - 1
            });
            place(&mut entries[position].2, rest, value, index)
        }
        (Kind::List(items), Step::Index(i)) => {
            let len = items.len();
            match items.get_mut(*i) {
                Some(item) => place(item, rest, value, index),
                None => Err(PlaceError::Beyond { index: *i, len }),
            }
        }
        // A name alone ("adam") gets options: { adam = { learning_rate = ... } }.
        (Kind::Scalar(Value::String(name)), Step::Key(key)) if name == key => {
            *node = Node::empty();
            node.origin = Origin::Flag(index);
            place(node, steps, value, index)
        }
        (Kind::List(_), Step::Key(key)) => Err(PlaceError::KeyInList(key.clone())),
        (Kind::Table(_), Step::Index(i)) => Err(PlaceError::IndexInTable(*i)),
        (Kind::Scalar(_), _) => Err(PlaceError::BelowValue),
    }
}

/// Makes one path absolute.
fn resolve(text: &str, origin: &Origin, base: &FilePath) -> std::io::Result<String> {
    let joined = match origin {
        Origin::Flag(_) => text_path(text),
        _ => base.join(text_path(text)),
    };
    Ok(path_text(&tidy(&std::path::absolute(&joined)?)).into_owned())
}

/// Removes `name/..` pairs, so that paths read well in messages. Symbolic links are kept where
/// removing the pair would change what the path means.
fn tidy(path: &FilePath) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        let linked = out.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        match part {
            std::path::Component::ParentDir if !linked && out.pop() => {}
            other => out.push(other),
        }
    }
    out
}
