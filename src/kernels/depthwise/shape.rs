//! The sizes of a depthwise convolution.

/// Sizes of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseShape {
    /// Images.
    pub batch: usize,
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// Channels, of the input and of the output.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// (begin, end) rows and columns of zeros around the image.
    pub padding: [(usize, usize); 2],
}

impl DepthwiseShape {
    /// Rows and columns of the output.
    pub fn out_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (begin, end) = self.padding[axis];
            let padded = self.size[axis] + begin + end;
            (padded - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// Values of one image.
    pub fn image_len(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Values of one image's output.
    pub fn out_image_len(&self) -> usize {
        let [rows, columns] = self.out_size();
        rows * columns * self.channels
    }

    /// Weights of a channel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}
