//! Options that pools share, and their windows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::Shape;
use crate::model::graph::{
    Mismatch, Padding, Padding2d, Pair, Windows, check_pool_padding, image_dims, sequence_dims,
    windows,
};
use crate::model::layers::options;

/// The windows of a pool of images.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct Pool2d {
    /// Height and width of the window: one number, or [height, width].
    #[serde(default = "options::two")]
    pub size: Pair,
    /// Steps between windows; default: the window's size.
    pub stride: Option<Pair>,
    /// "valid" (none), "same", a number of pixels on every side, or [[top, bottom], [left, right]].
    #[serde(default)]
    pub padding: Padding2d,
}

impl Pool2d {
    /// `[height, width]` of the window.
    pub fn size(&self) -> [usize; 2] {
        self.size.get()
    }

    /// Steps between windows.
    pub fn stride(&self) -> [usize; 2] {
        self.stride.map_or(self.size(), Pair::get)
    }

    /// Lays the windows over an image of `size` (height, width).
    ///
    /// # Errors
    /// A window that is larger than the padded image; a padding that is more than half a window.
    pub fn lay(&self, size: [usize; 2]) -> Result<Windows, Mismatch> {
        check_pool_padding(self.padding, &self.size())?;
        windows(size, self.size(), self.stride(), [1, 1], self.padding)
    }

    /// The shape that pooling gives.
    ///
    /// # Errors
    /// What is no image, and as [`Pool2d::lay`].
    pub fn output(&self, input: Shape) -> Result<Shape, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        let [height, width] = self.lay([height, width])?.output;
        Ok(Shape::Image {
            height,
            width,
            channels,
        })
    }
}

/// The windows of a pool of sequences.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct Pool1d {
    /// Steps of a window.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub size: usize,
    /// Steps between windows; default: the window's size.
    #[schemars(range(min = 1))]
    pub stride: Option<usize>,
    /// "valid" (none), "same", or a number of steps at both ends.
    #[serde(default)]
    pub padding: Padding,
}

fn two() -> usize {
    2
}

impl Pool1d {
    /// Steps between windows.
    pub fn stride(&self) -> usize {
        self.stride.unwrap_or(self.size)
    }

    /// Lays the windows over a sequence: an image of one column.
    ///
    /// # Errors
    /// A window that is longer than the padded sequence; a padding that is more than half a window.
    pub fn lay(&self, length: usize) -> Result<Windows, Mismatch> {
        let size = self.size;
        check_pool_padding(self.padding.into(), &[size])?;
        let column = |n: usize| [n, 1];
        let stride = column(self.stride());
        windows(column(length), column(size), stride, [1; 2], self.padding).map_err(|_| {
            let message = format!("expects at least {size} steps, gets {length}");
            Mismatch::new(message).hint("use longer texts (data.length) or fewer pools")
        })
    }

    /// The shape that pooling gives.
    ///
    /// # Errors
    /// What is no sequence, and as [`Pool1d::lay`].
    pub fn output(&self, input: Shape) -> Result<Shape, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        Ok(Shape::Sequence {
            length: self.lay(length)?.output[0],
            features,
        })
    }
}
