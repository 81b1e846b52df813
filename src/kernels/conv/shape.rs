//! The sizes of a fused convolution block.

use crate::kernels::pointwise::Pointwise;

/// Sizes of a block. The input is already padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Rows of the padded input.
    pub height: usize,
    /// Columns of the padded input.
    pub width: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub filters: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Whether 2 x 2 max pooling follows.
    pub pool: bool,
    /// What follows before the pooling: it must not fall where its input rises.
    pub then: Pointwise,
}

impl ConvShape {
    /// Rows and columns of the convolution's output.
    pub fn conv_size(&self) -> [usize; 2] {
        [
            (self.height + self.stride[0] - self.kernel[0]) / self.stride[0],
            (self.width + self.stride[1] - self.kernel[1]) / self.stride[1],
        ]
    }

    /// Rows and columns of a cell: what one output value comes from.
    pub fn cell(&self) -> usize {
        if self.pool { 2 } else { 1 }
    }

    /// Rows and columns of the block's output; what lies beyond the last whole cell is left out.
    pub fn out_size(&self) -> [usize; 2] {
        self.conv_size().map(|size| size / self.cell())
    }

    /// Values of the padded input.
    pub fn input_len(&self) -> usize {
        self.batch * self.image_len()
    }

    /// Values of one padded image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Values of one image's output.
    pub fn out_image_len(&self) -> usize {
        let [rows, columns] = self.out_size();
        rows * columns * self.filters
    }

    /// Values of the output.
    pub fn out_len(&self) -> usize {
        self.batch * self.out_image_len()
    }

    /// The convolution without what follows it.
    pub fn plain(&self) -> ConvShape {
        ConvShape {
            pool: false,
            then: Pointwise::Linear,
            ..*self
        }
    }

    /// Weights of one filter.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels
    }
}

/// Marks a pooled output that a ReLU (or ReLU6) made constant: no gradient passes.
pub const SHUT: u8 = 4;
