//! The table of all losses, and how one is read.

use super::loss::Loss;
use super::per_head;
use super::single_target::SINGLE_TARGET_LOSSES;
use crate::config::{Fault, Member, Path, Spec, read_member};
use crate::family;

const PER_HEAD: &[Member<dyn Loss>] = family! { dyn Loss:
    "per_head" => per_head::PerHead,
};

/// Every loss: those of one target, and that of several.
pub const LOSSES: &[Member<dyn Loss>] = &{
    let mut all = [PER_HEAD[0]; SINGLE_TARGET_LOSSES.len() + 1];
    let mut index = 0;
    while index < SINGLE_TARGET_LOSSES.len() {
        all[index] = SINGLE_TARGET_LOSSES[index];
        index += 1;
    }
    all
};

/// Reads a loss, and checks those that are described within it.
///
/// # Errors
/// An unknown name, or every mistake of the options, where it stands.
pub fn read_loss(spec: &Spec, path: &Path) -> Result<Box<dyn Loss>, Vec<Fault>> {
    if spec.name() == per_head::NAME {
        let faults: Vec<Fault> = per_head::described(&spec.options(), &path.key(per_head::NAME))
            .into_iter()
            .filter_map(|(path, spec)| {
                read_member(SINGLE_TARGET_LOSSES, "loss", &spec, &path).err()
            })
            .flatten()
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    read_member(LOSSES, "loss", spec, path)
}
