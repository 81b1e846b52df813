//! Sliding windows, shared by convolutions and pools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mismatch::Mismatch;
use crate::data::size_product;

/// One number for both directions, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Pair {
    /// The same for height and width.
    Both(#[schemars(range(min = 1, max = 65535))] usize),
    /// Height, width.
    Each(#[schemars(inner(range(min = 1, max = 65535)))] [usize; 2]),
}

impl Pair {
    /// `[height, width]`
    pub fn get(self) -> [usize; 2] {
        match self {
            Pair::Both(n) => [n, n],
            Pair::Each(pair) => pair,
        }
    }
}

impl Default for Pair {
    fn default() -> Self {
        Pair::Both(1)
    }
}

/// Rows and columns that are added around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding {
    /// "valid" or "same".
    Named(PaddingName),
    /// That many on every side.
    Number(#[schemars(range(min = 0, max = 65535))] usize),
}

/// Padding by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaddingName {
    /// None: windows stay inside the image.
    Valid,
    /// As many as give `ceil(size / stride)` outputs; an odd one goes to the end, as in Keras.
    Same,
}

impl Default for Padding {
    fn default() -> Self {
        Padding::Named(PaddingName::Valid)
    }
}

/// Rows and columns that are added around an image, as many on every side or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding2d {
    /// "valid", "same", or that many on every side.
    Plain(Padding),
    /// [[top, bottom], [left, right]]
    Sides(#[schemars(inner(inner(range(min = 0, max = 65535))))] [[usize; 2]; 2]),
}

impl Default for Padding2d {
    fn default() -> Self {
        Padding2d::Plain(Padding::default())
    }
}

impl From<Padding> for Padding2d {
    fn from(padding: Padding) -> Self {
        Padding2d::Plain(padding)
    }
}

/// Windows along both directions of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Outputs along height and width.
    pub output: [usize; 2],
    /// (begin, end) along height and width.
    pub padding: [(usize, usize); 2],
}

/// Checks the padding of pooling: a window that lies in it altogether has neither a largest value nor a mean. PyTorch has
/// the same limit.
///
/// # Errors
/// A number that is more than half a window.
pub fn check_pool_padding(padding: Padding2d, size: &[usize]) -> Result<(), Mismatch> {
    let least = size.iter().min().copied().unwrap_or(0);
    let most = match padding {
        Padding2d::Plain(Padding::Number(n)) => n,
        Padding2d::Plain(Padding::Named(_)) => 0,
        Padding2d::Sides(sides) => sides.iter().flatten().max().copied().unwrap_or(0),
    };
    if most > least / 2 {
        let message = format!("is {most}, expected at most half the window of {least}");
        return Err(Mismatch::of("padding", message));
    }
    Ok(())
}

/// Lays windows over an image of `size` (height, width).
///
/// # Errors
/// A window that is larger than the padded image.
pub fn windows(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: impl Into<Padding2d>,
) -> Result<Windows, Mismatch> {
    let padding = padding.into();
    let mut output = [0; 2];
    let mut pads = [(0, 0); 2];
    for axis in 0..2 {
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        pads[axis] = match padding {
            Padding2d::Sides(sides) => (sides[axis][0], sides[axis][1]),
            Padding2d::Plain(Padding::Named(PaddingName::Valid)) => (0, 0),
            Padding2d::Plain(Padding::Number(n)) => (n, n),
            Padding2d::Plain(Padding::Named(PaddingName::Same)) => {
                let wanted = size[axis].div_ceil(stride[axis]);
                let needed =
                    (wanted.saturating_sub(1) * stride[axis] + reach).saturating_sub(size[axis]);
                (needed / 2, needed - needed / 2)
            }
        };
        let padded = size[axis] + pads[axis].0 + pads[axis].1;
        if padded < reach {
            let name = ["height", "width"][axis];
            return Err(Mismatch::new(format!(
                "expects a {name} of at least {reach}, gets {padded}"
            ))
            .hint("use larger images (data.size), fewer pools, or padding = \"same\""));
        }
        output[axis] = (padded - reach) / stride[axis] + 1;
    }
    Ok(Windows {
        output,
        padding: pads,
    })
}

/// Where the outputs of a transposed convolution lie along one direction: in the sum of all windows, each
/// begun `stride` after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Outputs.
    pub output: usize,
    /// Values of the sum that come before the first output.
    pub begin: usize,
    /// Outputs beyond the end of the sum, which are 0.
    pub beyond: usize,
}

/// Lays the windows of a transposed convolution for `size` inputs. "valid" and "same" give as many outputs as
/// Keras, a number as many as PyTorch with this `padding` and `output_padding`.
///
/// # Errors
/// A padding that leaves no output.
pub fn spread(
    size: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
    output_padding: usize,
) -> Result<Spread, Mismatch> {
    let reach = (kernel - 1) * dilation + 1;
    let sum = size_product(&[size.saturating_sub(1), stride]).saturating_add(reach);
    let (output, begin) = match padding {
        Padding::Named(PaddingName::Valid) => (
            size_product(&[size, stride]).saturating_add(reach.saturating_sub(stride)),
            0,
        ),
        Padding::Named(PaddingName::Same) => (
            size_product(&[size, stride]),
            reach.saturating_sub(stride) / 2,
        ),
        Padding::Number(n) => (sum.saturating_add(output_padding).saturating_sub(2 * n), n),
    };
    if output == 0 {
        let message = format!("takes away all {sum} values of the output");
        return Err(Mismatch::of("padding", message));
    }
    Ok(Spread {
        output,
        begin,
        beyond: begin.saturating_add(output).saturating_sub(sum),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `keras.layers.Conv2DTranspose(1, kernel, strides)` of 5 values; `torch.nn.ConvTranspose1d(1, 1, kernel,
    /// stride, padding, output_padding)` for numbers.
    #[test]
    fn counts_outputs_of_transposed_convolutions_as_keras_and_pytorch_do() {
        let same = Padding::Named(PaddingName::Same);
        let outputs = |kernel, stride, padding, more| {
            spread(5, kernel, stride, 1, padding, more).map(|spread| spread.output)
        };
        assert_eq!(outputs(3, 2, Padding::default(), 0), Ok(11));
        assert_eq!(outputs(2, 3, Padding::default(), 0), Ok(15));
        assert_eq!(outputs(3, 2, same, 0), Ok(10));
        assert_eq!(outputs(4, 2, Padding::Number(1), 0), Ok(10));
        assert_eq!(outputs(3, 2, Padding::Number(1), 1), Ok(10));
        assert!(outputs(1, 1, Padding::Number(3), 0).is_err());
    }

    fn along(
        size: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> (usize, (usize, usize)) {
        let w = windows([size; 2], [kernel; 2], [stride; 2], [1; 2], padding).expect("fits");
        (w.output[0], w.padding[0])
    }

    #[test]
    fn counts_outputs_as_keras_does() {
        let same = Padding::Named(PaddingName::Same);
        let valid = Padding::default();
        assert_eq!(along(150, 3, 1, valid), (148, (0, 0)));
        assert_eq!(along(149, 2, 2, valid), (74, (0, 0)));
        assert_eq!(along(32, 3, 1, same), (32, (1, 1)));
        assert_eq!(along(32, 2, 1, same), (32, (0, 1)));
        assert_eq!(along(7, 3, 2, same), (4, (1, 1)));
        assert_eq!(along(5, 3, 1, Padding::Number(2)), (7, (2, 2)));
        let sides = Padding2d::Sides([[0, 1], [2, 0]]);
        let laid = windows([4, 5], [3; 2], [2; 2], [1; 2], sides).expect("fits");
        assert_eq!((laid.output, laid.padding), ([2, 3], [(0, 1), (2, 0)]));
    }

    #[test]
    fn refuses_a_window_larger_than_the_image() {
        let refused = windows([2, 5], [3, 3], [1, 1], [1, 1], Padding::default());
        assert!(
            refused
                .expect_err("too small")
                .faults
                .remove(0)
                .message
                .contains("height of at least 3, gets 2")
        );
    }
}
