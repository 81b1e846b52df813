//! Fill modes: the values beyond the image's edge.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{Fault, Path, read};

/// What lies beyond the image's edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FillMode {
    /// The edge's pixels go on: `aaa|abcd|ddd`.
    #[default]
    Nearest,
    /// Mirrored at the edge: `cba|abcd|dcb`.
    Reflect,
    /// Repeated: `bcd|abcd|abc`.
    Wrap,
    /// `fill_value` everywhere.
    Constant,
}

/// A grey level, 0-255.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct FillValue(#[schemars(range(min = 0, max = 255))] u8);

/// What lies beyond the image's edge, with the level of [`FillMode::Constant`].
///
/// The modes are `scipy.ndimage`'s `nearest`, `reflect`, `grid-wrap` and `grid-constant`. SciPy's own
/// `wrap` lets the first and last pixel share a place, and its `constant` does not interpolate
/// between the edge and the fill value; Keras calls those two.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// How the image goes on.
    pub mode: FillMode,
    /// The grey level of [`FillMode::Constant`].
    pub value: u8,
}

impl Fill {
    /// The keys `fill` (default "nearest") and `fill_value` (0-255, default 0).
    ///
    /// # Errors
    /// Impossible values.
    pub fn read(table: &BTreeMap<String, Value>, path: &Path) -> Result<Fill, Vec<Fault>> {
        let mode = match table.get("fill") {
            Some(value) => read(value.clone(), &path.key("fill"))?,
            None => FillMode::default(),
        };
        let value = match table.get("fill_value") {
            Some(value) => read::<FillValue>(value.clone(), &path.key("fill_value"))?.0,
            None => 0,
        };
        Ok(Fill { mode, value })
    }

    /// A fill by mode, with level 0.
    pub fn new(mode: FillMode) -> Fill {
        Fill { mode, value: 0 }
    }
}

/// The index that stands for `at`, which may lie beyond the edge; `None` for the fill value.
#[inline(always)]
pub fn fold(at: i32, size: i32, mode: FillMode) -> Option<usize> {
    if (0..size).contains(&at) {
        return Some(at as usize);
    }
    let folded = match mode {
        FillMode::Nearest => at.clamp(0, size - 1),
        FillMode::Wrap => at.rem_euclid(size),
        FillMode::Reflect => {
            let at = at.rem_euclid(2 * size);
            at.min(2 * size - 1 - at)
        }
        FillMode::Constant => return None,
    };
    Some(folded as usize)
}
