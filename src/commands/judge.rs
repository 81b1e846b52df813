//! What the audit's findings mean for a training.

use crate::config::{Fault, OnLeak, Path, Source};
use crate::data::audit::Audit;
use crate::report::audit;

/// Says what is wrong with the data.
///
/// # Errors
/// Validation samples that are also training samples, unless the experiment allows it.
pub fn judge(source: &Source, found: &Audit) -> anyhow::Result<()> {
    let leaks = found.leaks().count();
    let unusable = usize::from(!found.unusable.is_empty()); // said before
    let mut findings = audit::findings(found);
    if leaks > 0 && source.experiment.audit.leaks == OnLeak::Fail {
        let message = format!("is not apart from data.train: {}", findings[0]);
        let fault = Fault::new(Path::parse("data.valid"), message);
        let hint = "`kiln audit --config FILE --sheet pairs.png` shows them; take them out of one of the \
                    splits, or set audit.leaks = \"warn\"";
        return Err(source.explain(&[fault.hint(hint)]));
    }
    if unusable > 0 {
        findings.retain(|finding| !finding.contains("cannot be used:"));
    }
    for finding in findings {
        eprintln!("warning: {finding}");
    }
    Ok(())
}
