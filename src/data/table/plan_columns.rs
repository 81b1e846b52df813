//! Plans the input columns and their roles.

use super::column_scan::ColumnScan;
use super::fit::{Planned, misplaced};
use super::options::{ColumnOptions, Csv, Role};
use crate::config::Fault;
use crate::data::core::dataset::Column;
use crate::data::core::faults::{fault, key};
use crate::data::text::Splitting;

/// The columns that are used; those that are not are listed as well.
pub fn plan_columns(
    options: &Csv,
    names: &[String],
    scans: &[ColumnScan],
    shown: &mut Vec<Column>,
) -> Result<Vec<Planned>, Vec<Fault>> {
    let (mut planned, mut faults) = (Vec::new(), Vec::new());
    for (name, scan) in names.iter().zip(scans) {
        if options.target.list().contains(name) {
            if options.columns.contains_key(name) {
                let message = "is what is to be predicted, not an input";
                let fault = Fault::new(key("columns").key(name), message).at_key();
                faults
                    .push(fault.hint("data.task and data.scale_target say how a target is taken"));
            }
            shown.push(Column {
                name: name.clone(),
                role: "target".into(),
                ignored: None,
                inputs: 0,
                missing: scan.missing,
            });
            continue;
        }
        let choice = options.columns.get(name).map(|choice| choice.options());
        let column_options = choice.unwrap_or_default();
        let path = key("columns").key(name);
        let (role, why) = match column_role(name, &column_options, scan) {
            Ok(role) => role,
            Err(fault) => {
                faults.push(*fault);
                continue;
            }
        };
        shown.push(Column {
            name: name.clone(),
            role: role_name(role, why),
            ignored: (role == Role::Ignore && !why.is_empty()).then(|| why.to_string()),
            inputs: 0,
            missing: scan.missing,
        });
        let column = Planned {
            name: name.clone(),
            role,
            options: column_options,
            splitting: Splitting::of_script(scan.is_spaceless()),
        };
        if let Some((option, what)) = misplaced(&column) {
            let message = format!("is for {what}; {name} is {}", shown[shown.len() - 1].role);
            faults.push(Fault::new(path.key(option), message).at_key());
        }
        if role != Role::Ignore {
            planned.push(column);
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if planned.is_empty() {
        let message = "is a table without a column to predict from";
        return Err(fault("train", message));
    }
    Ok(planned)
}

/// The role of a column, given by the experiment or inferred, and why it is ignored, if it is.
///
/// # Errors
/// Fields that the role cannot take.
fn column_role(
    name: &str,
    options: &ColumnOptions,
    scan: &ColumnScan,
) -> Result<(Role, &'static str), Box<Fault>> {
    let (role, why) = match options.role {
        Some(role) => (role, ""),
        None if options.embedding.is_some() => (Role::Category, ""),
        None => scan.role(name).map_err(|message| {
            Box::new(Fault::new(
                key("train"),
                format!("is a table whose {message}"),
            ))
        })?,
    };
    if role == Role::Date && !scan.is_date {
        let (place, field) = scan.first_other.clone().unwrap_or_default();
        let message = format!(
            "is {name:?}, of which {field:?} in {place} is in no form of dates that is known"
        );
        let fault = Fault::new(key("columns").key(name), message);
        let hint = "data.formats.NAME = \"day.month.year\" or another form reads it";
        return Err(Box::new(fault.hint(hint)));
    }
    if role == Role::Numeric {
        let found = match (&scan.first_other, &scan.first_infinite) {
            (Some((place, field)), _) => Some((place, field, "expected a number")),
            (_, Some((place, field))) => Some((place, field, "expected a finite number")),
            _ => None,
        };
        if let Some((place, field, expected)) = found {
            let message =
                format!("is a table whose column {name:?} is {field:?} in {place}, {expected}");
            let hint = "words for missing values go into data.missing = [\"...\"]; \
                        data.columns.NAME = \"category\" or \"ignore\" takes the column in another way";
            return Err(Box::new(Fault::new(key("train"), message).hint(hint)));
        }
    }
    Ok((role, why))
}

/// A role as `kiln check` shows it.
fn role_name(role: Role, why: &str) -> String {
    match (role, why) {
        (Role::Ignore, "") => "ignored".to_string(),
        (Role::Ignore, why) => format!("ignored: {why}"),
        (Role::Numeric, _) => "numeric".into(),
        (Role::Category, _) => "category".into(),
        (Role::Text, _) => "text".into(),
        (Role::Date, _) => "date".into(),
    }
}
