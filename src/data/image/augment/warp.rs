//! The bilinear warp: one pass over the output, row by row, in 32-bit floats.
//!
//! A row goes through stages, each a plain loop over all columns that the compiler turns into
//! whatever vectors [`arch`] allows: the places its pixels come from; the four neighbours' bytes,
//! gathered side by side; the interpolation. The result does not depend on the vectors, since
//! products and sums are rounded one by one (no fused multiply-add).
//!
//! Of each row, the pixels whose four neighbours all lie inside the image (a span of columns,
//! since the map is affine) are gathered directly; the others through tables that fold rows and
//! columns back into the image. Both give the same bytes, so where the span ends changes nothing.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Affine;
use super::canvas::{Canvas, PAD, RowBuffers, WORD};
use super::fill::Fill;
use super::path::Path;
use crate::device::simd::arch;

/// Warps the canvas by `map` (output to input, `(row, column)` about the centre) with bilinear
/// interpolation into `out`, `[height, width, channels]` of the canvas's own size, as grey levels.
/// `finish` is called with each row while it is in the fastest cache.
pub fn warp<F: RowPass>(
    canvas: &mut Canvas,
    map: &Affine,
    fill: Fill,
    finish: &F,
    out: &mut [f32],
) {
    let first = canvas.prepare(map, fill);
    arch().dispatch(Warp {
        canvas,
        first,
        map,
        finish,
        out,
    });
}

/// What is done to each row after the warp. Implementations mark it `#[inline(always)]`, so that
/// it is compiled for the same instructions.
pub trait RowPass {
    /// Changes the grey levels of row `row` of the image.
    fn run(&self, row: usize, levels: &mut [f32]);
}

/// Leaves the levels as they are.
pub struct Untouched;

impl RowPass for Untouched {
    #[inline(always)]
    fn run(&self, _: usize, _: &mut [f32]) {}
}

struct Warp<'a, F> {
    canvas: &'a mut Canvas,
    /// The row and column with which the tables begin.
    first: [i32; 2],
    map: &'a Affine,
    finish: &'a F,
    out: &'a mut [f32],
}

impl<F: RowPass> WithSimd for Warp<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.canvas.channels {
            1 => self.rows::<1>(),
            _ => self.rows::<3>(),
        }
    }
}

impl<F: RowPass> Warp<'_, F> {
    #[inline(always)]
    fn rows<const CHANNELS: usize>(self) {
        let width = self.canvas.width;
        for (row, line) in self.out.chunks_exact_mut(width * CHANNELS).enumerate() {
            let path = Path::new([self.canvas.height, width], self.map, row);
            let (low, high) = path.span();
            let Canvas {
                bytes,
                begins,
                row: buffers,
                ..
            } = &mut *self.canvas;
            let tables = Tables {
                begins: [&begins[0], &begins[1]],
                first: self.first,
                beyond: (bytes.len() - PAD) as u32,
                stride: (width * CHANNELS) as u32,
            };
            place::<CHANNELS>(&path, &tables, buffers);
            gather::<CHANNELS, true>(bytes, 0..low, &tables, buffers);
            gather::<CHANNELS, false>(bytes, low..high, &tables, buffers);
            gather::<CHANNELS, true>(bytes, high..width, &tables, buffers);
            interpolate::<CHANNELS>(buffers, line);
            self.finish.run(row, line);
        }
    }
}

/// Computes the place of each value. (All of a pixel's values have the same: computing it anew is
/// cheaper than handing it on.)
#[inline(always)]
fn place<const CHANNELS: usize>(path: &Path, tables: &Tables, buffers: &mut RowBuffers) {
    for axis in 0..2 {
        let whole = buffers.whole[axis].iter_mut();
        let places = whole.zip(&mut buffers.share[axis]);
        for (column, (whole, share)) in buffers.columns.iter().zip(places) {
            let place = path.at(axis, *column);
            // SAFETY: a number, and not beyond FAR: the path saw to it.
            let toward_zero: i32 = unsafe { place.to_int_unchecked() };
            let floor = toward_zero - i32::from(toward_zero as f32 > place);
            *whole = floor;
            *share = place - floor as f32;
        }
    }
    // The last byte whose neighbours lie before the fill value.
    let right = CHANNELS as u32;
    let last = tables.beyond.saturating_sub(tables.stride + right);
    let [rows, columns] = &buffers.whole;
    for (from, (row, column)) in buffers.inside.iter_mut().zip(rows.iter().zip(columns)) {
        let row = (*row as u32).wrapping_mul(tables.stride);
        let column = (*column as u32).wrapping_mul(right);
        *from = row.wrapping_add(column).min(last);
    }
}

/// Where rows and columns begin in the image's bytes.
struct Tables<'a> {
    begins: [&'a [u32]; 2],
    /// The row and column with which the tables begin.
    first: [i32; 2],
    /// The pixel of the fill value.
    beyond: u32,
    /// Bytes of a row.
    stride: u32,
}

/// Copies the neighbours of each column of `columns`.
#[inline(always)]
fn gather<const CHANNELS: usize, const FOLDED: bool>(
    bytes: &[u8],
    columns: Range<usize>,
    tables: &Tables,
    buffers: &mut RowBuffers,
) {
    let end = columns.end * CHANNELS + WORD;
    let [a, b, c, d] = &mut buffers.taps;
    let (a, b, c, d) = (&mut a[..end], &mut b[..end], &mut c[..end], &mut d[..end]);
    assert!(tables.beyond as usize + PAD == bytes.len());
    let inside = &buffers.inside[..end - WORD];
    let [y, x] = [
        &buffers.whole[0][..end - WORD],
        &buffers.whole[1][..end - WORD],
    ];
    for column in columns {
        let to = column * CHANNELS;
        let from = if FOLDED {
            let [y, x] = [
                (y[to] - tables.first[0]) as usize,
                (x[to] - tables.first[1]) as usize,
            ];
            let (rows, columns) = (&tables.begins[0][y..y + 2], &tables.begins[1][x..x + 2]);
            [
                (rows[0] + columns[0]).min(tables.beyond),
                (rows[0] + columns[1]).min(tables.beyond),
                (rows[1] + columns[0]).min(tables.beyond),
                (rows[1] + columns[1]).min(tables.beyond),
            ]
        } else {
            let from = inside[to];
            let (right, below) = (CHANNELS as u32, tables.stride);
            [from, from + right, from + below, from + below + right]
        };
        // SAFETY: each place is at most that of the fill value, behind which a word can be read; the
        // slices have room for a word at the end of the last column.
        unsafe {
            copy::<CHANNELS>(bytes, from[0], a, to);
            copy::<CHANNELS>(bytes, from[1], b, to);
            copy::<CHANNELS>(bytes, from[2], c, to);
            copy::<CHANNELS>(bytes, from[3], d, to);
        }
    }
}

/// Copies a word.
///
/// # Safety
/// There must be one at `from`, and room for one at `to`.
#[inline(always)]
unsafe fn copy<const CHANNELS: usize>(bytes: &[u8], from: u32, tap: &mut [u8], to: usize) {
    debug_assert!(from as usize + WORD <= bytes.len() && to + WORD <= tap.len());
    // SAFETY: the caller's promise.
    unsafe {
        if CHANNELS == 1 {
            *tap.get_unchecked_mut(to) = *bytes.get_unchecked(from as usize);
            return;
        }
        let word = bytes.as_ptr().add(from as usize).cast::<[u8; WORD]>();
        tap.as_mut_ptr().add(to).cast::<[u8; WORD]>().write(*word);
    }
}

#[inline(always)]
fn interpolate<const CHANNELS: usize>(buffers: &RowBuffers, out: &mut [f32]) {
    let [a, b, c, d] = &buffers.taps;
    let [down, right] = &buffers.share;
    let neighbours = a.iter().zip(b).zip(c.iter().zip(d));
    let shares = down.iter().zip(right);
    for ((level, ((a, b), (c, d))), (down, right)) in out.iter_mut().zip(neighbours).zip(shares) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        let (c, d) = (f32::from(*c), f32::from(*d));
        let upper = a + (b - a) * right;
        let lower = c + (d - c) * right;
        *level = upper + (lower - upper) * down;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::augment::FillMode;
    use crate::data::image::decode::pixels::Pixels;

    fn row(bytes: &[u8]) -> Pixels {
        Pixels {
            width: bytes.len(),
            height: 1,
            channels: 1,
            bytes: bytes.to_vec(),
        }
    }

    fn warped(image: &Pixels, map: Affine, mode: FillMode) -> Vec<f32> {
        let mut out = vec![0.0; image.bytes.len()];
        let mut canvas = Canvas::default();
        let fill = Fill::new(mode);
        canvas.set(image, fill);
        warp(&mut canvas, &map, fill, &Untouched, &mut out);
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
        let bytes: Vec<u8> = (0..37 * 5 * 3).map(|i| (i * 7 % 256) as u8).collect();
        for channels in [1, 3] {
            let image = Pixels {
                width: 37 * 3 / channels,
                height: 5,
                channels,
                bytes: bytes.clone(),
            };
            let out = warped(&image, Affine::IDENTITY, FillMode::Constant);
            let expected: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
            assert_eq!(out, expected, "{channels} channels");
        }
    }

    #[test]
    fn each_fill_mode_continues_the_image_its_way() {
        let image = row(&[10, 20, 30, 40]);
        let out = |mode| warped(&image, shift(2.0), mode);
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
        let image = Pixels {
            width: 2,
            height: 2,
            channels: 1,
            bytes: vec![1, 2, 3, 4],
        };
        let turn = Affine::linear([[0.0, -1.0], [1.0, 0.0]]);
        assert_eq!(
            warped(&image, turn, FillMode::Nearest),
            [3.0, 1.0, 4.0, 2.0]
        );
    }

    #[test]
    fn a_flip_mirrors() {
        let flip = Affine::linear([[1.0, 0.0], [0.0, -1.0]]);
        let out = warped(&row(&[1, 2, 3]), flip, FillMode::Nearest);
        assert_eq!(out, [3.0, 2.0, 1.0]);
    }

    #[test]
    fn a_shift_beyond_everything_shows_the_fill() {
        let image = row(&[10, 20, 30, 40]);
        assert_eq!(warped(&image, shift(1e9), FillMode::Constant), [0.0; 4]);
        assert_eq!(warped(&image, shift(-1e9), FillMode::Nearest), [10.0; 4]);
    }
}
