//! Options that convolutions share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::graph::{Mismatch, Padding, Padding2d, PaddingName, Pair, Windows, windows};
use crate::model::layers::options;

/// The windows of a convolution of images.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct Window2d {
    /// Height and width of the window: one number, or [height, width].
    pub kernel: Pair,
    /// Steps between windows.
    #[serde(default)]
    pub stride: Pair,
    /// "valid" (none), "same", a number of pixels on every side, or [[top, bottom], [left, right]].
    #[serde(default)]
    pub padding: Padding2d,
    /// Steps between the window's taps.
    #[serde(default)]
    pub dilation: Pair,
}

impl Window2d {
    /// Windows of one pixel, that far apart; as many as give `ceil(size / stride)` outputs.
    pub fn pixels(stride: [usize; 2]) -> Window2d {
        Window2d {
            kernel: Pair::Both(1),
            stride: Pair::Each(stride),
            padding: Padding::Named(PaddingName::Same).into(),
            dilation: Pair::default(),
        }
    }

    /// Lays the windows over an image of `size` (height, width).
    ///
    /// # Errors
    /// A window that is larger than the padded image.
    pub fn lay(&self, size: [usize; 2]) -> Result<Windows, Mismatch> {
        let (kernel, stride) = (self.kernel.get(), self.stride.get());
        windows(size, kernel, stride, self.dilation.get(), self.padding)
    }
}

/// The windows of a convolution of sequences.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct Window1d {
    /// Steps of the window.
    #[schemars(range(min = 1, max = 65535))]
    pub kernel: usize,
    /// Steps between windows.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1, max = 65535))]
    pub stride: usize,
    /// "valid" (none), "same", "causal" (all at the beginning), or a number of steps at both ends.
    #[serde(default)]
    pub padding: Padding1d,
    /// Steps between the window's taps.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1, max = 65535))]
    pub dilation: usize,
}

/// Steps that are added at the ends of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding1d {
    /// As many at the beginning as let no output see a later step.
    Causal(Causal),
    /// As of images.
    Plain(Padding),
}

/// The word "causal".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Causal {
    /// All at the beginning.
    Causal,
}

impl Default for Padding1d {
    fn default() -> Self {
        Padding1d::Plain(Padding::default())
    }
}

impl Window1d {
    /// Windows of one step, one beside the other.
    pub fn steps() -> Window1d {
        Window1d {
            kernel: 1,
            stride: 1,
            padding: Padding1d::default(),
            dilation: 1,
        }
    }

    /// Outputs, and steps that are added at the beginning and the end of `length`.
    ///
    /// # Errors
    /// A window that is longer than the padded sequence.
    pub fn lay(&self, length: usize) -> Result<(usize, (usize, usize)), Mismatch> {
        let reach = (self.kernel - 1) * self.dilation;
        let (length, before, padding) = match self.padding {
            Padding1d::Causal(_) => (length + reach, reach, Padding::Named(PaddingName::Valid)),
            Padding1d::Plain(padding) => (length, 0, padding),
        };
        let pair = |n: usize| [n, 1];
        let laid = windows(
            pair(length),
            pair(self.kernel),
            pair(self.stride),
            pair(self.dilation),
            padding,
        )
        .map_err(|_| {
            Mismatch::new(format!(
                "expects a sequence of at least {} steps, gets {length}",
                reach + 1
            ))
        })?;
        let (first, last) = laid.padding[0];
        Ok((laid.output[0], (before + first, last)))
    }
}
