//! Decodes the samples of a training run and prints the warnings about them.

use std::io::{IsTerminal, stderr};

use super::audit_findings::check_findings;
use crate::device::Chosen;
use crate::model::Compute;
use crate::report::{DecodeBar, FILES, ROWS, left_out, tables};
use crate::train::{Plan, Prepared};

/// Decodes the samples and prints the warnings about them.
///
/// # Errors
/// Data of which nothing can be used; validation samples that are also training samples, unless the experiment allows
/// it.
pub fn prepare(
    plan: Plan,
    device: Chosen,
    compute: Compute,
    quiet: bool,
    no_audit: bool,
) -> anyhow::Result<Prepared> {
    for warning in &plan.survey.summary().warnings {
        crate::say!("warning: {warning}");
    }
    let bar = DecodeBar::new(!quiet && stderr().is_terminal());
    let (prepared, findings) = Prepared::new(plan, device, compute, !no_audit, &bar)?;
    if let Some(text) = tables::skipped(&findings.skipped, prepared.info.preprocess.what()) {
        crate::say!("warning: {text}");
    }
    for notice in &findings.notices {
        crate::say!("note: {notice}");
    }
    if let Some(found) = findings.audit {
        check_findings(&prepared.plan.source, found)?;
    }
    Ok(prepared)
}

/// The skipped samples as text; `None` if there are none.
pub fn skipped_samples(prepared: &Prepared) -> Option<String> {
    let what = if prepared.of_rows { ROWS } else { FILES };
    left_out(&prepared.left_out, what)
}
