//! Loading an experiment: file, `--set` flags, checks; and showing where a fault lies.

use std::path::{Path as FilePath, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::experiment::Experiment;
use super::family;
use super::fault::{Excerpts, ExperimentError, Fault};
use super::node::{Kind, Node, Origin, Path, Step};
use super::parse::{SyntaxFault, parse_json, parse_toml, toml_value};
use super::styles;

/// Keys that hold paths: relative ones are resolved against the experiment file, or against the
/// working folder where a flag gave them.
const PATH_KEYS: [&str; 6] = [
    "data.train",
    "data.valid",
    "data.test",
    "data.label_files",
    "data.valid_label_files",
    "data.test_label_files",
];

/// An experiment with the text it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What the file and the flags say.
    pub experiment: Experiment,
    excerpts: Excerpts,
    tree: Node,
}

impl Source {
    /// Reads `file` (TOML, or JSON where it ends in `.json`) and applies `--set` flags in order.
    ///
    /// # Errors
    /// A file that cannot be read, a syntax error, and every unknown key, wrong type, impossible
    /// value and missing part, each with its line.
    pub fn load(file: &FilePath, sets: &[String]) -> anyhow::Result<Source> {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| read_failure(file))?;
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_string)
            .unwrap_or(text);
        let excerpts = Excerpts {
            file: shown,
            text,
            flags: sets.to_vec(),
        };
        let mut tree = parse(file, &excerpts)?;
        for (index, flag) in sets.iter().enumerate() {
            set(&mut tree, index, flag, &excerpts)?;
        }
        resolve_paths(&mut tree, file)?;
        let value = tree.to_value();
        let mut experiment: Experiment = family::read(value, &Path::default())
            .map_err(|faults| explain_all(&excerpts, &tree, &faults))?;
        if experiment.name.is_empty() {
            let stem = file.file_stem().map(|stem| stem.to_string_lossy());
            experiment.name = stem.unwrap_or_else(|| "run".into()).into_owned();
        }
        styles::apply(&mut experiment);
        Ok(Source {
            experiment,
            excerpts,
            tree,
        })
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

fn read_failure(file: &FilePath) -> String {
    if file.is_dir() {
        return format!(
            "{} is a folder, expected an experiment file (.toml or .json); `kiln init {}` writes one",
            file.display(),
            file.display()
        );
    }
    format!("cannot read the experiment {}", file.display())
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
    let (key, text) = flag
        .split_once('=')
        .ok_or_else(|| fail("has no `=`, expected KEY=VALUE"))?;
    let path = Path::parse(key.trim());
    if path.0.is_empty() {
        return Err(fail("has no key, expected KEY=VALUE").into());
    }
    let mut node = match text.trim().parse::<toml_edit::Value>() {
        Ok(value) => toml_value(&value),
        Err(_) => Node {
            kind: Kind::Scalar(Value::String(text.to_string())),
            origin: Origin::Unknown,
        },
    };
    mark(&mut node, index);
    place(tree, &path.0, node, index).map_err(|message| fail(&message))?;
    Ok(())
}

/// Everything below `node` came from flag `index`.
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

fn place(node: &mut Node, steps: &[Step], value: Node, index: usize) -> Result<(), String> {
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
                None => Err(format!("has index {i}, but the list holds {len} items")),
            }
        }
        // A name alone ("adam") gets options: { adam = { learning_rate = ... } }.
        (Kind::Scalar(Value::String(name)), Step::Key(key)) if name == key => {
            *node = Node::empty();
            node.origin = Origin::Flag(index);
            place(node, steps, value, index)
        }
        (Kind::List(_), Step::Key(key)) => Err(format!(
            "has the key `{key}` in a list, expected an index such as [0]"
        )),
        (Kind::Table(_), Step::Index(i)) => Err(format!("has the index [{i}] in a table")),
        (Kind::Scalar(_), _) => Err("goes below a value that is not a table".to_string()),
    }
}

fn resolve_paths(tree: &mut Node, file: &FilePath) -> anyhow::Result<()> {
    let base = file.parent().map(FilePath::to_path_buf).unwrap_or_default();
    for key in PATH_KEYS {
        let path = Path::parse(key);
        let Some(node) = path.0.iter().try_fold(&mut *tree, |node, step| match step {
            Step::Key(key) => match &mut node.kind {
                Kind::Table(entries) => entries
                    .iter_mut()
                    .find(|(name, _, _)| name == key)
                    .map(|(_, _, node)| node),
                _ => None,
            },
            Step::Index(_) => None,
        }) else {
            continue;
        };
        match &mut node.kind {
            Kind::List(nodes) => {
                for node in nodes {
                    resolve(node, key, &base)?;
                }
            }
            _ => resolve(node, key, &base)?,
        }
    }
    Ok(())
}

/// Makes one path absolute.
fn resolve(node: &mut Node, key: &str, base: &FilePath) -> anyhow::Result<()> {
    if let Kind::Scalar(Value::String(text)) = &mut node.kind {
        let joined = match node.origin {
            Origin::Flag(_) => PathBuf::from(&*text),
            _ => base.join(&*text),
        };
        let absolute = std::path::absolute(&joined)
            .with_context(|| format!("cannot resolve the path {text:?} of {key}"))?;
        *text = tidy(&absolute).display().to_string();
    }
    Ok(())
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
