//! The consequences of the audit's findings for training.

use crate::config::{Fault, OnLeak, Path, Source};
use crate::data::audit::Audit;
use crate::report::audit;

/// Says what is wrong with the data.
///
/// # Errors
/// Validation samples that are also training samples, unless the experiment allows it.
pub fn check_findings(source: &Source, found: Audit) -> anyhow::Result<()> {
    if let Some(leaks) = audit::leaks(&found)
        && source.experiment.audit.leaks == OnLeak::Fail
    {
        let message = format!("is not apart from data.train: {leaks}");
        let of_test = found.table.is_none() && found.num_leaked(1) == 0;
        let (key, message) = match of_test {
            true => (
                "data.test",
                format!("is not apart from the other splits: {leaks}"),
            ),
            false => ("data.valid", message),
        };
        let fault = Fault::new(Path::parse(key), message);
        let hint = "`kiln audit --config FILE --sheet pairs.png` shows them; take them out of one of the \
                    splits, or set audit.leaks = \"warn\"";
        return Err(source.explain(&[fault.hint(hint)]));
    }
    let rest = Audit {
        unusable: Vec::new(), // named before, with the samples that are left out
        ..found
    };
    for finding in audit::findings(&rest) {
        crate::say!("warning: {finding}");
    }
    Ok(())
}
