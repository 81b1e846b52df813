//! Faults: mistakes in an experiment, shown with file and line, key, what was found, what was expected, and a remedy.

use std::fmt;
use std::ops::Range;

use super::node::{Node, Origin, Path};

/// One mistake, named by its path; [`Source::explain`](super::Source::explain) adds the place.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The key at fault (or the table that lacks a key).
    pub path: Path,
    /// Points at the key rather than at its value.
    pub at_key: bool,
    /// What was found and what was expected: the sentence behind the path.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of the value at `path`; the message follows the path: "is 0, expected ...".
    pub fn new(path: Path, message: impl Into<String>) -> Fault {
        Fault {
            path,
            at_key: false,
            message: message.into(),
            hint: None,
        }
    }

    /// The same fault, shown at the key.
    pub fn at_key(mut self) -> Fault {
        self.at_key = true;
        self
    }

    /// The same fault with a remedy.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// Several faults of one experiment, rendered as text.
#[derive(Debug)]
pub struct ExperimentError(pub String);

impl fmt::Display for ExperimentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExperimentError {}

/// The text of an experiment and the flags that changed it: enough to show where a fault lies.
#[derive(Clone, Debug)]
pub struct Excerpts {
    /// The file's name as the user gave it.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// The `--set` flags, in order.
    pub flags: Vec<String>,
}

impl Excerpts {
    /// A fault in five parts.
    pub fn render(&self, tree: &Node, fault: &Fault) -> String {
        let origin = if fault.at_key {
            tree.locate_key(&fault.path)
        } else {
            tree.locate(&fault.path)
        };
        let sentence = format!("{} {}", fault.path, fault.message);
        self.render_at(&origin, sentence.trim_start(), fault.hint.as_deref())
    }

    /// A sentence with the place `origin` and a hint.
    pub fn render_at(&self, origin: &Origin, sentence: &str, hint: Option<&str>) -> String {
        let mut out = match origin {
            Origin::File(span) => {
                let line = self.line_of(span.start);
                format!(
                    "{}:{}: {sentence}\n{}",
                    self.file,
                    line + 1,
                    self.excerpt(line, span)
                )
            }
            Origin::Flag(index) => {
                let flag = self.flags.get(*index).map_or("", String::as_str);
                format!("--set {}: {sentence}\n", cut(flag, 0, MOST_SHOWN))
            }
            Origin::Unknown => format!("{}: {sentence}\n", self.file),
        };
        if let Some(hint) = hint {
            out.push_str(&format!("hint: {hint}\n"));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn line_of(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
    }

    /// The line with a caret below the span.
    fn excerpt(&self, line: usize, span: &Range<usize>) -> String {
        let start: usize = self
            .text
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let shown = self.text[start..].lines().next().unwrap_or_default();
        let number = (line + 1).to_string();
        let column = char_count(&self.text, start, span.start);
        let width = char_count(&self.text, span.start, span.end.min(start + shown.len())).max(1);
        let from = column.saturating_sub(MOST_SHOWN / 2);
        let from = if shown.chars().count() > MOST_SHOWN {
            from
        } else {
            0
        };
        let (column, width) = (
            column - from,
            width.min(MOST_SHOWN - (column - from)).max(1),
        );
        let shown = cut(shown, from, MOST_SHOWN).replace('\t', " ");
        format!(
            "  {number} | {shown}\n  {:pad$} | {:column$}{}\n",
            "",
            "",
            "^".repeat(width),
            pad = number.len()
        )
    }
}

/// Characters of a line or flag that are shown.
const MOST_SHOWN: usize = 160;

/// The first characters of a text.
fn cut(text: &str, from: usize, count: usize) -> String {
    let mut shown: String = text.chars().skip(from).take(count).collect();
    if text.chars().nth(from + count).is_some() {
        shown += "...";
    }
    shown
}

fn char_count(text: &str, from: usize, to: usize) -> usize {
    text.get(from..to.max(from))
        .map_or(0, |part| part.chars().count())
}
