//! The backbone with which a starter for photographs begins.

use anyhow::bail;

use crate::model::import::{CATALOGUE, CatalogueEntry, find_in_folders};

/// What says that a starter begins with none.
const NONE: &str = "none";

/// Trained weights for a starter.
pub(super) struct Chosen {
    /// Which.
    pub entry: &'static CatalogueEntry,
    /// Whether the file is on this machine.
    pub is_here: bool,
}

/// The weights of the backbone that is asked for; where none is, those of the first in the catalogue that are on this
/// machine, if images are photographs.
///
/// # Errors
/// A name that is no backbone's.
pub(super) fn choose(asked: Option<&str>, photographs: bool) -> anyhow::Result<Option<Chosen>> {
    let is_here = |entry: &&CatalogueEntry| find_in_folders(entry.file).is_some();
    let found = |entry| Chosen {
        entry,
        is_here: true,
    };
    let Some(asked) = asked else {
        let mut entries = CATALOGUE.iter().filter(|_| photographs);
        return Ok(entries.find(is_here).map(found));
    };
    if asked == NONE {
        return Ok(None);
    }
    let of = || {
        CATALOGUE
            .iter()
            .filter(|entry| entry.backbone == asked || entry.name == asked)
    };
    if let Some(entry) = of().find(is_here) {
        return Ok(Some(found(entry)));
    }
    let Some(entry) = of().next() else {
        let mut names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.backbone).collect();
        names.dedup();
        let names = names.join(", ");
        bail!("--backbone {asked} is no backbone; expected one of {names}, or {NONE}");
    };
    Ok(Some(Chosen {
        entry,
        is_here: false,
    }))
}

impl Chosen {
    /// Height and width of the images with which the weights were trained.
    pub fn size(&self) -> Vec<usize> {
        vec![self.entry.preprocess.crop; 2]
    }

    /// What the user should know.
    pub fn note(&self) -> String {
        let CatalogueEntry {
            backbone,
            file,
            name,
            ..
        } = self.entry;
        match self.is_here {
            true => format!(
                "{file} is on this machine: the net starts as the trained {backbone}; --backbone {NONE} begins without it"
            ),
            false => format!("{file} is not on this machine yet: kiln weights get {name}"),
        }
    }

    /// The layer.
    pub fn layer(&self) -> String {
        let CatalogueEntry { backbone, file, .. } = self.entry;
        format!(
            "  # The first ten epochs train the layers behind it, which takes a moment; then its own as well, the later ones at\n  \
             # 0.03 of the rate and each stage before at 0.7 of that. freeze = true in place of unfreeze leaves it as it is.\n  \
             {{ backbone = {{ name = \"{backbone}\", weights = \"{file}\", unfreeze = {{ epoch = 11, rate_scale = 0.03 }}, \
             rate_decay = 0.7 }} }},\n  {{ batch_norm = {{ momentum = 0.9 }} }},\n  {{ dropout = {{ rate = 0.2 }} }},\n"
        )
    }
}

/// The preprocessing, and what there is in place of augmentation.
pub(super) const SECTIONS: &str = r#"[preprocess]
preset = "weights"               # resizing, mean and deviation as the weights were trained

# [augment]                      # training images only; what the backbone makes of each of the four versions is kept
# views = 4
# horizontal_flip = true

"#;
