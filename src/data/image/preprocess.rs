//! Preprocessing of every sample, in training and inference. Fitted once, on the training samples; saved in the model
//! file; never fitted again.

use serde::{Deserialize, Serialize};

use super::augment;
use super::decode::decode;
use super::decode::deep::DeepRange;
use super::decode::error::DecodeError;
use super::decode::pixels::{Alpha, Pixels, Wanted};
use super::resize::{Aspect, Filter, Resizing, is_whole, whole};
use crate::config::{Fault, Path, Preprocess, Statistic};
use crate::data::Shape;
use crate::data::files::read::read_named;
use crate::data::image::scale::Scale;

/// Everything between an image file and the net's input; part of the model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImagePreprocess {
    /// Height and width of the net's input, pixels.
    pub size: [usize; 2],
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// How images are resized.
    pub resize: Filter,
    /// How the aspect ratio is handled.
    #[serde(default)]
    pub aspect: Aspect,
    /// The share that [`Aspect::Cover`] keeps of the part which fills the size.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub crop: f64,
    /// The level of the bars of [`Aspect::Fit`].
    #[serde(default)]
    pub pad_value: u8,
    /// How transparent pixels are handled.
    #[serde(default)]
    pub alpha: Alpha,
    /// Larger images are refused.
    pub max_pixels: u64,
    /// The values of 16-bit channels that become 0 and 255, as fitted on the training split; all of them
    /// where the training images use much of them, or have 8 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deep: Option<DeepRange>,
    /// Divides the pixel values (0-255).
    pub divide_by: f64,
    /// Subtracted from each channel after dividing.
    pub mean: Vec<f64>,
    /// Divides each channel after subtracting.
    pub std: Vec<f64>,
}

impl ImagePreprocess {
    /// The net's input.
    pub fn shape(&self) -> Shape {
        Shape::Image {
            height: self.size[0],
            width: self.size[1],
            channels: self.channels,
        }
    }

    /// Reads, decodes and resizes a file.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub fn load(&self, path: &std::path::Path) -> Result<Pixels, DecodeError> {
        self.decode(&read_named(path, self.max_bytes())?)
    }

    /// No image file needs more: 16 bits for each of four channels, and room for what cameras
    /// write beside the pixels.
    pub fn max_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(8).saturating_add(1 << 26)
    }

    /// Decodes and resizes what a file holds.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn decode(&self, bytes: &[u8]) -> Result<Pixels, DecodeError> {
        let image = self.with_wanted(|wanted| decode(bytes, wanted))?;
        self.resizing().apply(&image)
    }

    fn resizing(&self) -> Resizing {
        Resizing {
            size: self.size,
            filter: self.resize,
            aspect: self.aspect,
            crop: self.crop,
            pad_value: self.pad_value,
        }
    }

    /// Calls `decode` with what is wanted of an image file.
    pub fn with_wanted<T>(&self, decode: impl FnOnce(&Wanted) -> T) -> T {
        let resizing = self.resizing();
        decode(&Wanted {
            channels: self.channels,
            alpha: self.alpha,
            max_pixels: self.max_pixels,
            deep: self.deep,
            shrink: &|width, height| resizing.shrink(width, height),
        })
    }

    /// A black image of the net's input size.
    pub fn blank(&self) -> Pixels {
        let [height, width] = self.size;
        Pixels {
            width,
            height,
            channels: self.channels,
            bytes: vec![0; self.shape().num_elements()],
        }
    }

    /// The scaling of pixel values.
    pub fn scale(&self) -> Scale {
        let factor = self
            .std
            .iter()
            .map(|std| (1.0 / (self.divide_by * std)) as f32);
        let offset = self
            .mean
            .iter()
            .zip(&self.std)
            .map(|(m, s)| (-m / s) as f32);
        Scale {
            factor: factor.collect(),
            offset: offset.collect(),
        }
    }

    /// Scales an image into `out`, `[height, width, channels]`.
    pub fn write(&self, image: &Pixels, out: &mut [f32]) {
        let scale = self.scale();
        for (pixel, target) in image
            .bytes
            .chunks_exact(self.channels)
            .zip(out.chunks_exact_mut(self.channels))
        {
            for (channel, (value, target)) in pixel.iter().zip(target).enumerate() {
                *target = scale.apply(f32::from(*value), channel);
            }
        }
    }

    /// Warps and scales an image into `out`, `[height, width, channels]`.
    pub fn write_warped(
        &self,
        image: &Pixels,
        augmentation: &augment::Augmentation,
        epoch: u64,
        sample: u64,
        out: &mut [f32],
    ) {
        augmentation.apply(image, epoch, sample, &self.scale(), out);
    }
}

/// The largest `max_pixels`: decoding takes up to 16 bytes per pixel.
pub const MAX_MAX_PIXELS: u64 = 1 << 30;

/// The largest height and width of a net's input.
pub const MAX_SIZE: usize = 16384;

/// Sums over the training pixels, from which mean and standard deviation follow exactly.
#[derive(Clone, Debug, Default)]
pub struct ChannelSums {
    count: u64,
    sum: [u64; 3],
    squares: [u64; 3],
}

impl ChannelSums {
    /// Adds an image.
    pub fn add(&mut self, image: &Pixels) {
        for pixel in image.bytes.chunks_exact(image.channels) {
            self.count += 1;
            for (channel, &value) in pixel.iter().enumerate() {
                self.sum[channel] += u64::from(value);
                self.squares[channel] += u64::from(value) * u64::from(value);
            }
        }
    }

    /// Adds the sums of other images.
    pub fn merge(mut self, other: ChannelSums) -> ChannelSums {
        self.count += other.count;
        for channel in 0..3 {
            self.sum[channel] += other.sum[channel];
            self.squares[channel] += other.squares[channel];
        }
        self
    }

    /// Subtracts the sums of images that are among them.
    pub fn without(mut self, other: &ChannelSums) -> ChannelSums {
        self.count -= other.count;
        for channel in 0..3 {
            self.sum[channel] -= other.sum[channel];
            self.squares[channel] -= other.squares[channel];
        }
        self
    }

    fn mean(&self, channel: usize) -> f64 {
        self.sum[channel] as f64 / self.count.max(1) as f64
    }

    fn std(&self, channel: usize) -> f64 {
        let mean = self.mean(channel);
        let variance = self.squares[channel] as f64 / self.count.max(1) as f64 - mean * mean;
        variance.max(0.0).sqrt()
    }
}

/// Whether a statistic has to be measured on the training samples.
pub fn needs_fit(config: &Preprocess) -> bool {
    let fits = |statistic: &Option<Statistic>| matches!(statistic, Some(Statistic::Fit(_)));
    fits(&config.mean) || fits(&config.std)
}

/// Checks the statistics against the number of channels.
///
/// # Errors
/// A list whose length is not the number of channels, a standard deviation that is not above 0.
pub fn check(config: &Preprocess, channels: usize) -> Result<(), Vec<Fault>> {
    let path = Path::parse("preprocess");
    let mut faults = Vec::new();
    for (name, statistic) in [("mean", &config.mean), ("std", &config.std)] {
        let given: &[f64] = match statistic {
            Some(Statistic::PerChannel(list)) if of_colours(config, list, channels) => list,
            Some(Statistic::PerChannel(list)) if list.len() != channels => {
                let message = format!(
                    "has {} numbers, expected one for each of the {channels} channels",
                    list.len()
                );
                faults.push(Fault::new(path.key(name), message));
                continue;
            }
            Some(Statistic::PerChannel(list)) => list,
            Some(Statistic::One(value)) => std::slice::from_ref(value),
            _ => continue,
        };
        if name == "std" && given.iter().any(|&value| value <= 0.0) {
            let message = "must be above 0 in every channel";
            faults.push(Fault::new(path.key(name), message));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Whether a statistic is that of the three colours of trained weights, of which grey images take the mean.
fn of_colours(config: &Preprocess, list: &[f64], channels: usize) -> bool {
    config.preset.is_some() && list.len() == 3 && channels == 1
}

/// Mean and standard deviation of each channel, as given or as `sums` say. A channel that never
/// changes gets a standard deviation of 1.
pub fn statistics(
    config: &Preprocess,
    channels: usize,
    sums: &ChannelSums,
) -> (Vec<f64>, Vec<f64>) {
    let divide_by = config.divide_by.unwrap_or(1.0);
    let resolve = |statistic: &Option<Statistic>, neutral: f64, fit: &dyn Fn(usize) -> f64| {
        (0..channels)
            .map(|channel| match statistic {
                None => neutral,
                Some(Statistic::One(value)) => *value,
                Some(Statistic::PerChannel(list)) => match of_colours(config, list, channels) {
                    true => list.iter().sum::<f64>() / list.len() as f64,
                    false => list[channel],
                },
                Some(Statistic::Fit(_)) => fit(channel) / divide_by,
            })
            .collect::<Vec<f64>>()
    };
    let mean = resolve(&config.mean, 0.0, &|channel| sums.mean(channel));
    let std = resolve(&config.std, 1.0, &|channel| sums.std(channel));
    let std = std
        .into_iter()
        .map(|value| if value > 0.0 { value } else { 1.0 })
        .collect();
    (mean, std)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Fit;

    fn image() -> Pixels {
        Pixels {
            width: 2,
            height: 1,
            channels: 1,
            bytes: vec![0, 200],
        }
    }

    #[test]
    fn fitted_statistics_give_mean_zero_and_deviation_one() {
        let mut sums = ChannelSums::default();
        sums.add(&image());
        let config = Preprocess {
            divide_by: Some(100.0),
            preset: None,
            mean: Some(Statistic::Fit(Fit::Fit)),
            std: Some(Statistic::Fit(Fit::Fit)),
        };
        let (mean, std) = statistics(&config, 1, &sums);
        assert_eq!((mean[0], std[0]), (1.0, 1.0));
        let preprocess = ImagePreprocess {
            size: [1, 2],
            channels: 1,
            resize: Filter::Nearest,
            aspect: Aspect::Stretch,
            crop: 1.0,
            pad_value: 0,
            alpha: Alpha::Drop,
            max_pixels: 10,
            deep: None,
            divide_by: 100.0,
            mean,
            std,
        };
        let mut out = [0.0; 2];
        preprocess.write(&image(), &mut out);
        assert_eq!(out, [-1.0, 1.0]);
    }

    #[test]
    fn a_list_must_have_one_number_a_channel() {
        let config = Preprocess {
            mean: Some(Statistic::PerChannel(vec![0.5, 0.5])),
            ..Default::default()
        };
        let faults = check(&config, 3).expect_err("a fault");
        assert!(faults[0].to_string().contains("has 2 numbers"));
    }
}
