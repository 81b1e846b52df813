//! The scaling of pixel values.

/// A linear map of each channel: `value * factor + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Of each channel.
    pub factor: Vec<f32>,
    /// Of each channel.
    pub offset: Vec<f32>,
}

impl Scale {
    /// Changes nothing.
    pub fn identity(channels: usize) -> Scale {
        Scale {
            factor: vec![1.0; channels],
            offset: vec![0.0; channels],
        }
    }

    /// What a channel is multiplied by.
    pub fn factor(&self, channel: usize) -> f32 {
        self.factor[channel]
    }

    /// Scales one value of a channel.
    pub fn apply(&self, value: f32, channel: usize) -> f32 {
        value * self.factor[channel] + self.offset[channel]
    }
}
