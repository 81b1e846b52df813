//! A starter experiment for a table, or for a table of texts.

use std::path::Path;

use anyhow::bail;

use super::quoted;
use crate::console::{shown, visible};
use crate::data::Task;
use crate::data::table::{Looked, LookedColumn, Role};

/// The experiment for a table of which the column `target` is to be predicted, and what it is for, in words.
///
/// # Errors
/// A file that is no table; a target that it has not; nothing to predict from.
pub(super) fn starter(
    table: &Path,
    target: Option<&str>,
    name: &str,
    train: &str,
    out: &Path,
) -> anyhow::Result<(String, String)> {
    let looked = Looked::new(table).map_err(anyhow::Error::msg)?;
    let columns = looked.columns();
    let Some(target) = target else {
        let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
        bail!(
            "which column is to be predicted? `kiln init {} --target NAME`, of {}",
            shown(table),
            names.join(", ")
        );
    };
    let task = looked.task(target).map_err(anyhow::Error::msg)?;
    let others: Vec<&LookedColumn> = columns.iter().filter(|c| c.name != target).collect();
    if let Some(message) = others.iter().find_map(|column| column.role.as_ref().err()) {
        bail!("{}: {message}", shown(table));
    }
    let used = |column: &&&LookedColumn| !matches!(column.role, Ok((Role::Ignore, _)));
    let used: Vec<&LookedColumn> = others.iter().filter(used).copied().collect();
    let (kind, layers) = match used[..] {
        [] => bail!("{} has no column to predict from", shown(table)),
        [only] if matches!(only.role, Ok((Role::Text, _))) => (texts(only, target), TEXT_LAYERS),
        _ => (rows(&others, target), ROW_LAYERS),
    };
    let (units, loss, head) = match &task {
        Task::Classes(classes) if classes.len() == 2 => {
            let head = format!("the logit of {}", classes[1]);
            (1, "binary_cross_entropy", head)
        }
        Task::Classes(classes) => {
            let count = classes.len();
            (
                count,
                "sparse_categorical_cross_entropy",
                "one a class".into(),
            )
        }
        Task::Labels(names) => (names.len(), "binary_cross_entropy", "one a label".into()),
        Task::Numbers(_) | Task::Heads(_) => (task.len(), "mse", "the number".into()),
    };
    let what = match &task {
        Task::Classes(classes) => format!("{target}, one of {} classes", classes.len()),
        Task::Labels(_) | Task::Numbers(_) | Task::Heads(_) => format!("{target}, a number"),
    };
    let text = format!(
        r#"# Predicts {what}, from {num_rows} rows.
#
#   kiln check --config {out}    columns, layers, shapes; trains nothing
#   kiln audit --config {out}    what is missing, repeated, or gives the target away
#   kiln train --config {out}    everything goes into runs/{name}-1

name = {quoted_name}
seed = 1                         # another seed, another run; the same seed, the same run

[data]
{kind}
[model]
layers = [
{layers}  {{ dense = {{ units = {units} }} }},             # {head}
]

[train]
epochs = 30
batch_size = 32
loss = "{loss}"
optimizer = {{ adam = {{ learning_rate = 1e-3 }} }}
monitor = "valid_loss"           # what "best" means
"#,
        num_rows = looked.num_rows(),
        what = visible(&what),
        name = visible(name),
        head = visible(&head),
        out = shown(out),
        quoted_name = quoted(name),
        kind = kind.replace("TRAIN", &quoted(train)),
    );
    Ok((
        text,
        format!("{} rows to predict {what}", looked.num_rows()),
    ))
}

const TEXT_LAYERS: &str = "  { embedding = { dim = 50 } },
  { dropout = { rate = 0.3 } },
  { conv1d = { filters = 64, kernel = 3, padding = \"same\", activation = \"relu\" } },
  { global_max_pool = {} },
  { dropout = { rate = 0.3 } },
";

const ROW_LAYERS: &str = "  { dense = { units = 64, activation = \"relu\" } },
  { dense = { units = 32, activation = \"relu\" } },
";

fn texts(text: &LookedColumn, target: &str) -> String {
    format!(
        r#"kind = "text"
train = TRAIN
valid_fraction = 0.2             # a fifth is held back
text = {text}
label = {label}
vocabulary = 20000               # the most frequent words
length = 100                     # tokens; longer texts are cut, shorter ones filled up

"#,
        text = quoted(&text.name),
        label = quoted(target),
    )
}

fn rows(columns: &[&LookedColumn], target: &str) -> String {
    let mut text = format!(
        r#"kind = "csv"
train = TRAIN
valid_fraction = 0.2             # a fifth is held back
target = {}

[data.columns]                   # what each column is taken for: "numeric", "category", "text" or "ignore"
"#,
        quoted(target)
    );
    for column in columns {
        let Ok((role, why)) = &column.role else {
            continue;
        };
        let role = match role {
            Role::Numeric => "numeric",
            Role::Category => "category",
            Role::Text => "text",
            Role::Ignore => "ignore",
        };
        let key = toml_edit::Key::new(&column.name)
            .display_repr()
            .into_owned();
        let mut line = format!("{key} = \"{role}\"");
        let mut notes: Vec<String> = Vec::new();
        if !why.is_empty() {
            notes.push((*why).to_string());
        }
        if let Some(count) = column.values.filter(|_| role == "category") {
            notes.push(format!("{count} values"));
        }
        if column.missing > 0 {
            notes.push(format!("missing in {} rows", column.missing));
        }
        if !notes.is_empty() {
            line = format!("{line:<33}# {}", visible(&notes.join(", ")));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
    text
}
