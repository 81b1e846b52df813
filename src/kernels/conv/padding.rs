//! Copies of images with zeros around them, or with less than all of them.

use crate::kernels::scratch::in_pieces;

/// The part of some images, `[batch, rows, columns, channels]`, that begins at `from` (row, column; before the first
/// one where negative) and has `size` rows and columns; zeros where there is no image.
pub fn window(
    values: &[f32],
    [batch, rows, columns, channels]: [usize; 4],
    from: [isize; 2],
    size: [usize; 2],
) -> Vec<f32> {
    let row_len = size[1] * channels;
    // The columns of the part that the images have.
    let before = from[1].min(0).unsigned_abs();
    let first = from[1].max(0).unsigned_abs();
    let count = (size[1].saturating_sub(before)).min(columns.saturating_sub(first));
    in_pieces(batch * size[0] * row_len, row_len, |index, to| {
        let image = index / size[0];
        let row = (index % size[0]).checked_add_signed(from[0]);
        let Some(row) = row.filter(|&row| row < rows && count > 0) else {
            return;
        };
        let at = ((image * rows + row) * columns + first) * channels;
        to[before * channels..][..count * channels]
            .copy_from_slice(&values[at..][..count * channels]);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_adds_zeros_or_takes_values_away() {
        let values: Vec<f32> = (1..=12).map(|x| x as f32).collect();
        let sizes = [2, 2, 3, 1]; // two images of 2 x 3
        assert_eq!(window(&values, sizes, [0, 0], [2, 3]), values);
        let wider = window(&values, sizes, [-1, -1], [3, 4]);
        assert_eq!(wider[..8], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(wider[16..20], [0.0, 7.0, 8.0, 9.0]);
        let inner = window(&values, sizes, [1, 1], [2, 2]);
        assert_eq!(inner, [5.0, 6.0, 0.0, 0.0, 11.0, 12.0, 0.0, 0.0]);
        assert_eq!(window(&values, sizes, [0, 5], [1, 2]), [0.0; 4]);
        assert_eq!(window(&values, sizes, [0, -3], [1, 2]), [0.0; 4]);
    }
}
