//! The bilinear warp: one pass over the output, straight into the batch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Affine;
use crate::config::{Fault, Path, read};
use crate::data::decode::Pixels;
use crate::data::preprocess::Scale;

/// What lies beyond the picture's edge.
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
pub struct FillValue(#[schemars(range(min = 0, max = 255))] f64);

/// What lies beyond the picture's edge, with the level of [`FillMode::Constant`].
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    mode: FillMode,
    value: f32,
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
            None => 0.0,
        };
        Ok(Fill {
            mode,
            value: value as f32,
        })
    }

    /// A fill by mode, with level 0.
    pub fn new(mode: FillMode) -> Fill {
        Fill { mode, value: 0.0 }
    }
}

/// The index that stands for `at`, which may lie beyond the edge; `None` for the fill value.
fn fold(at: i64, size: i64, mode: FillMode) -> Option<usize> {
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

/// Warps a picture by `map` (output to input, about the centre) with bilinear interpolation, and
/// scales each channel, into `out` (`[height, width, channels]` of the picture's own size).
pub fn warp(picture: &Pixels, map: &Affine, fill: Fill, scale: &Scale, out: &mut [f32]) {
    let (height, width, channels) = (picture.height, picture.width, picture.channels);
    let (rows, columns) = (height as i64, width as i64);
    let centre = [(height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0];
    let [[a, b], [c, d]] = map.matrix;
    let pixel = |row: Option<usize>, column: Option<usize>, channel: usize| match (row, column) {
        (Some(row), Some(column)) => {
            f32::from(picture.bytes[(row * width + column) * channels + channel])
        }
        _ => fill.value,
    };
    for (row, line) in out.chunks_exact_mut(width * channels).enumerate() {
        let y = row as f64 - centre[0];
        for (column, target) in line.chunks_exact_mut(channels).enumerate() {
            let x = column as f64 - centre[1];
            let from_row = a * y + b * x + map.offset[0] + centre[0];
            let from_column = c * y + d * x + map.offset[1] + centre[1];
            let (top, left) = (from_row.floor(), from_column.floor());
            let (down, right) = ((from_row - top) as f32, (from_column - left) as f32);
            let row0 = fold(top as i64, rows, fill.mode);
            let row1 = fold(top as i64 + 1, rows, fill.mode);
            let column0 = fold(left as i64, columns, fill.mode);
            let column1 = fold(left as i64 + 1, columns, fill.mode);
            for (channel, value) in target.iter_mut().enumerate() {
                let upper = lerp(
                    pixel(row0, column0, channel),
                    pixel(row0, column1, channel),
                    right,
                );
                let lower = lerp(
                    pixel(row1, column0, channel),
                    pixel(row1, column1, channel),
                    right,
                );
                *value = scale.apply(lerp(upper, lower, down), channel);
            }
        }
    }
}

fn lerp(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: &[u8]) -> Pixels {
        Pixels {
            width: bytes.len(),
            height: 1,
            channels: 1,
            bytes: bytes.to_vec(),
        }
    }

    fn warped(picture: &Pixels, map: Affine, mode: FillMode) -> Vec<f32> {
        let mut out = vec![0.0; picture.bytes.len()];
        warp(
            picture,
            &map,
            Fill::new(mode),
            &Scale::identity(1),
            &mut out,
        );
        out
    }

    fn shift(columns: f64) -> Affine {
        Affine {
            offset: [0.0, columns],
            ..Affine::IDENTITY
        }
    }

    #[test]
    fn the_identity_changes_nothing() {
        let picture = row(&[1, 2, 30, 255]);
        let out = warped(&picture, Affine::IDENTITY, FillMode::Nearest);
        assert_eq!(out, [1.0, 2.0, 30.0, 255.0]);
    }

    #[test]
    fn each_fill_mode_continues_the_picture_its_way() {
        let picture = row(&[10, 20, 30, 40]);
        let out = |mode| warped(&picture, shift(2.0), mode);
        assert_eq!(out(FillMode::Nearest), [30.0, 40.0, 40.0, 40.0]);
        assert_eq!(out(FillMode::Reflect), [30.0, 40.0, 40.0, 30.0]);
        assert_eq!(out(FillMode::Wrap), [30.0, 40.0, 10.0, 20.0]);
        assert_eq!(out(FillMode::Constant), [30.0, 40.0, 0.0, 0.0]);
    }

    #[test]
    fn half_a_pixel_gives_the_mean_of_two() {
        let out = warped(&row(&[10, 20, 30, 40]), shift(0.5), FillMode::Nearest);
        assert_eq!(out, [15.0, 25.0, 35.0, 40.0]);
    }

    #[test]
    fn a_quarter_turn_of_a_square_moves_every_pixel() {
        let picture = Pixels {
            width: 2,
            height: 2,
            channels: 1,
            bytes: vec![1, 2, 3, 4],
        };
        let turn = Affine::linear([[0.0, -1.0], [1.0, 0.0]]);
        assert_eq!(
            warped(&picture, turn, FillMode::Nearest),
            [3.0, 1.0, 4.0, 2.0]
        );
    }

    #[test]
    fn a_flip_mirrors() {
        let flip = Affine::linear([[1.0, 0.0], [0.0, -1.0]]);
        let out = warped(&row(&[1, 2, 3]), flip, FillMode::Nearest);
        assert_eq!(out, [3.0, 2.0, 1.0]);
    }
}
