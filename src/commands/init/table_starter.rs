//! Writes a starter experiment for a table, or for a table of texts.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::layout_keys::layout_keys;
use super::sets;
use super::words::quoted;
use crate::cli::InitArgs;
use crate::console::{shown, visible};
use crate::data::Task;
use crate::data::table::{Hint, InspectedColumn, InspectedTable, Role};

/// A starter experiment, with notes for the user.
pub(super) struct Starter {
    /// The experiment.
    pub text: String,
    /// Its purpose.
    pub what: String,
    /// Notes about special formats.
    pub notes: Vec<String>,
    /// Whether it is of texts, so that it has no columns.
    pub is_text: bool,
}

/// The experiment for tables of which one column is to be predicted, and what it is for, in words.
///
/// # Errors
/// A file that is no table; a target that it does not have; nothing to predict from.
pub(super) fn starter(
    args: &InitArgs,
    tables: &[PathBuf],
    name: &str,
    train: &str,
    out: &Path,
) -> anyhow::Result<Starter> {
    let table = &args.folder;
    let header = match (args.header, args.no_header) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let (layout, given) = sets::layout(&args.sets, header)?;
    let looked = InspectedTable::with(tables, &layout, &given).map_err(anyhow::Error::msg)?;
    let mut columns = looked.columns();
    let Some(said) = args.target.as_deref() else {
        return Err(no_target(table, &looked, &columns));
    };
    let target = looked.column(said).map_or(said, String::as_str);
    let task = looked.task(target).map_err(anyhow::Error::msg)?;
    let chosen = sets::roles(&args.sets)?;
    set_roles(&mut columns, &chosen, table)?;
    let mut others: Vec<InspectedColumn> =
        columns.into_iter().filter(|c| c.name != target).collect();
    if let Some(message) = others.iter().find_map(|column| column.role.as_ref().err()) {
        bail!("{}: {message}", shown(table));
    }
    let mut notes: Vec<String> = looked.notes().to_vec();
    if target != said && said != "last" && said.parse::<usize>().is_err() {
        notes.push(format!(
            "{target} is predicted: there is no header, and it holds {said:?}"
        ));
    }
    if matches!(task, Task::Classes(_)) && looked.counts(target).iter().all(|count| *count == 1) {
        bail!(
            "{}: each class of {target} has one row only, so there is nothing to validate on; collect more rows, or \
             choose another --target",
            shown(table)
        );
    }
    let mut hints = looked.hints(target, &task).map_err(anyhow::Error::msg)?;
    hints.retain(|hint| !chosen.iter().any(|(name, _)| hint.columns.contains(name)));
    keep_an_input(&mut others, &mut hints);
    notes.extend(hints.iter().map(|hint| hint_note(hint, &others)));
    let used: Vec<&InspectedColumn> = others
        .iter()
        .filter(|column| is_used(column) && left_out(&hints, &column.name).is_none())
        .collect();
    let (kind, layers, is_text) = match used[..] {
        [] => return Err(no_input(table, target, &others)),
        [only] if matches!(only.role, Ok((Role::Text, _))) => {
            (texts(only, target), TEXT_LAYERS, true)
        }
        _ => (rows(&others, target, &hints), ROW_LAYERS, false),
    };
    let nominal = looked.is_nominal(target) && matches!(task, Task::Classes(_));
    let (keys, tables_of_keys) = layout_keys(looked.layout(), &given, nominal);
    // Keys first, then tables.
    let kind = match kind.split_once("\n\n") {
        Some((head, tail)) => format!("{head}\n{keys}\n{tail}{tables_of_keys}"),
        None => format!("{kind}{keys}{tables_of_keys}"),
    };
    let what = match &task {
        Task::Classes(classes) => format!("{target}, one of {} classes", classes.len()),
        Task::MultiLabel(_) | Task::Regression(_) | Task::Heads(_) => format!("{target}, a number"),
    };
    let experiment = Experiment {
        name,
        out,
        what: &what,
        num_rows: looked.num_rows(),
        data: kind.trim_end().replacen("TRAIN", &quoted(train), 1),
        layers,
        is_text,
        task: &task,
    };
    Ok(Starter {
        text: experiment.text(),
        what: format!("{} rows to predict {what}", looked.num_rows()),
        notes,
        is_text,
    })
}

/// The error of a command without a target: the columns there are.
fn no_target(table: &Path, looked: &InspectedTable, columns: &[InspectedColumn]) -> anyhow::Error {
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    let notes: String = looked
        .notes()
        .iter()
        .map(|note| format!("\nnote: {note}"))
        .collect();
    anyhow!(
        "which column is to be predicted? `kiln init {} --target NAME` (or its number, or last), of {}{notes}",
        shown(table),
        names.join(", ")
    )
}

/// Gives columns the roles of `--set data.columns.NAME=ROLE`.
fn set_roles(
    columns: &mut [InspectedColumn],
    chosen: &[(String, Role)],
    table: &Path,
) -> anyhow::Result<()> {
    for (name, role) in chosen {
        let Some(column) = columns.iter_mut().find(|column| column.name == *name) else {
            bail!(
                "--set data.columns.{name}: {} has no such column",
                shown(table)
            );
        };
        column.role = Ok((*role, String::new()));
    }
    Ok(())
}

fn is_used(column: &InspectedColumn) -> bool {
    !matches!(column.role, Ok((Role::Ignore, _)))
}

fn is_text(column: &InspectedColumn) -> bool {
    matches!(column.role, Ok((Role::Text, _)))
}

/// Where no column would stay as an input: takes short sentences as a text, or leaves nothing out. Hints on texts are
/// dropped.
fn keep_an_input(others: &mut [InspectedColumn], hints: &mut Vec<Hint>) {
    let stays =
        |column: &InspectedColumn| is_used(column) && left_out(hints, &column.name).is_none();
    if !others.iter().any(stays) {
        match others.iter_mut().find(|column| column.may_be_text) {
            Some(text) => text.role = Ok((Role::Text, String::new())),
            None => hints.iter_mut().for_each(|hint| hint.leave_out = false),
        }
    }
    let of_text = |name: &String| {
        let column = others.iter().find(|column| column.name == *name);
        column.is_some_and(is_text)
    };
    hints.retain(|hint| !hint.columns.iter().any(of_text));
}

/// The note on columns that give the target away or carry no information.
fn hint_note(hint: &Hint, others: &[InspectedColumn]) -> String {
    let columns = hint.columns.join(" and ");
    let key = toml_edit::Key::new(&hint.columns[0])
        .display_repr()
        .into_owned();
    let role = others.iter().find(|column| column.name == hint.columns[0]);
    let role = role
        .and_then(|column| column.role.as_ref().ok())
        .map_or("", |(role, _)| role_name(*role));
    match hint.leave_out {
        true => format!(
            "{columns}: {}; left out, --set data.columns.{key}={role} keeps it",
            hint.why
        ),
        false => format!(
            "{columns}: {}; --set data.columns.{key}=ignore leaves it out",
            hint.why
        ),
    }
}

/// The error of a table without a column to predict from: why each is ignored.
fn no_input(table: &Path, target: &str, others: &[InspectedColumn]) -> anyhow::Error {
    let reasons: Vec<String> = others
        .iter()
        .map(|column| {
            let why = column.role.as_ref().map_or("", |(_, why)| why.as_str());
            format!("{} ({why})", column.name)
        })
        .collect();
    anyhow!(
        "{} has no column to predict {target} from: {}. --set data.columns.NAME=category (or text, numeric, \
         date) takes one of them; or choose another --target",
        shown(table),
        if reasons.is_empty() {
            "it has no other".to_string()
        } else {
            reasons.join(", ")
        }
    )
}

/// The content of the experiment file.
struct Experiment<'a> {
    name: &'a str,
    /// The experiment file.
    out: &'a Path,
    /// The prediction task, in words.
    what: &'a str,
    num_rows: usize,
    /// The text of the section `[data]`.
    data: String,
    /// The layers but for the last, as lines of TOML.
    layers: &'a str,
    is_text: bool,
    task: &'a Task,
}

impl Experiment<'_> {
    /// Units of the last layer, the loss, and what the outputs are.
    fn head(&self) -> (usize, &'static str, String) {
        match self.task {
            Task::Classes(classes) if classes.len() == 2 => {
                let head = format!("the logit of {}", classes[1]);
                (1, "binary_cross_entropy", head)
            }
            Task::Classes(classes) => {
                let loss = "sparse_categorical_cross_entropy";
                (classes.len(), loss, "one a class".into())
            }
            Task::MultiLabel(names) => (names.len(), "binary_cross_entropy", "one a label".into()),
            Task::Regression(_) | Task::Heads(_) => (self.task.len(), "mse", "the number".into()),
        }
    }

    fn text(&self) -> String {
        let (epochs, patience) = how_long(self.num_rows, self.is_text);
        let (units, loss, head) = self.head();
        format!(
            r#"# Predicts {what}, from {num_rows} rows.
#
#   kiln check --config {out}    columns, layers, shapes; trains nothing
#   kiln audit --config {out}    what is missing, repeated, or gives the target away
#   kiln train --config {out}    everything goes into runs/{name}-1

name = {quoted_name}
seed = 1                         # another seed, another run; the same seed, the same run

[data]
{data}

[model]
layers = [
{layers}  {{ dense = {{ units = {units} }} }},             # {head}
]

[train]
epochs = {epochs:<24}# at most: training ends before, where validation gets no better
batch_size = 32
loss = "{loss}"
optimizer = {{ adam = {{ learning_rate = 1e-3 }} }}
monitor = "valid_loss"           # what "best" means
early_stopping = {{ patience = {patience} }}
"#,
            num_rows = self.num_rows,
            what = visible(self.what),
            name = visible(self.name),
            head = visible(&head),
            out = shown(self.out),
            quoted_name = quoted(self.name),
            data = self.data,
            layers = self.layers,
        )
    }
}

/// Epochs at most, and those without progress after which training ends: about as many steps for any table.
pub(super) fn how_long(rows: usize, text: bool) -> (usize, usize) {
    match (text, rows) {
        (true, ..5_000) => (60, 8),
        (true, ..50_000) => (30, 4),
        (true, _) => (15, 2),
        (false, ..2_000) => (400, 30),
        (false, ..20_000) => (200, 15),
        (false, ..200_000) => (60, 6),
        (false, _) => (30, 3),
    }
}

/// Why a column is left out, if it is.
pub(super) fn left_out<'a>(hints: &'a [Hint], column: &str) -> Option<&'a str> {
    let of = |hint: &&Hint| hint.leave_out && hint.columns.iter().any(|name| name == column);
    hints.iter().find(of).map(|hint| &*hint.why)
}

pub(super) const TEXT_LAYERS: &str = "  { embedding = { dim = 50 } },
  { dropout = { rate = 0.3 } },
  { conv1d = { filters = 64, kernel = 3, padding = \"same\", activation = \"relu\" } },
  { global_max_pool = {} },
  { dropout = { rate = 0.3 } },
";

pub(super) const ROW_LAYERS: &str = "  { dense = { units = 64, activation = \"relu\" } },
  { dense = { units = 32, activation = \"relu\" } },
";

pub(super) fn texts(text: &InspectedColumn, target: &str) -> String {
    format!(
        r#"kind = "text"
train = TRAIN
valid_fraction = 0.2             # a fifth is held back
text = {text}
label = {label}
vocabulary = 20000               # the most frequent words
length = {length:<24}# tokens; longer texts are cut, shorter ones filled up
{level}
"#,
        text = quoted(&text.name),
        label = quoted(target),
        length = if text.spaceless { 200 } else { 100 },
        level = match text.spaceless {
            true =>
                "level = \"unicode\"              # its script has no blanks: characters are words; ngram = 2 takes pairs\n",
            false => "",
        },
    )
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Numeric => "numeric",
        Role::Category => "category",
        Role::Text => "text",
        Role::Date => "date",
        Role::Ignore => "ignore",
    }
}

pub(super) fn rows(columns: &[InspectedColumn], target: &str, hints: &[Hint]) -> String {
    let mut text = format!(
        r#"kind = "csv"
train = TRAIN
valid_fraction = 0.2             # a fifth is held back
target = {}

[data.columns]                   # what each column is taken for: "numeric", "category", "text", "date" or "ignore"
"#,
        quoted(target)
    );
    for column in columns {
        let Ok((role, why)) = &column.role else {
            continue;
        };
        let usual = role_name(*role);
        let left_out = left_out(hints, &column.name);
        let role = if left_out.is_some() { "ignore" } else { usual };
        let key = toml_edit::Key::new(&column.name)
            .display_repr()
            .into_owned();
        let mut line = format!("{key} = \"{role}\"");
        let mut notes: Vec<String> = Vec::new();
        if let Some(why) = left_out {
            notes.push(format!("{why}; \"{usual}\" keeps it"));
        }
        if !why.is_empty() {
            notes.push(why.clone());
        }
        if let Some(format) = &column.format {
            notes.push(format!("written {format}"));
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
