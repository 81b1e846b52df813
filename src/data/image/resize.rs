//! Resizing, antialiased when shrinking, with a choice of how the aspect ratio is handled.

use std::error::Error;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::error::DecodeError;
use super::decode::pixels::Pixels;

/// How pixels are computed when an image changes its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The nearest pixel (Keras's `flow_from_directory`).
    Nearest,
    /// Bilinear, antialiased (torchvision's and Pillow's default).
    #[default]
    Bilinear,
    /// Bicubic (Catmull and Rom), antialiased.
    Bicubic,
    /// Lanczos with three lobes, antialiased.
    Lanczos,
}

impl Filter {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Filter::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

/// How an image with another aspect ratio is fitted to the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// Stretched to the size (Keras's and Burn's way).
    #[default]
    Stretch,
    /// Scaled to fit inside, with bars of `pad_value` beside it (letterbox).
    Fit,
    /// Scaled to cover the size, with the rest cut off (center crop).
    Cover,
}

/// The default of `data.crop`: nothing more is cut off.
pub fn whole() -> f64 {
    1.0
}

/// Whether nothing more is cut off.
pub fn is_whole(crop: &f64) -> bool {
    *crop == whole()
}

/// The options of resizing.
#[derive(Clone, Copy, Debug)]
pub struct Resizing {
    /// Height and width, pixels.
    pub size: [usize; 2],
    /// How pixels are computed.
    pub filter: Filter,
    /// How the aspect ratio is handled.
    pub aspect: Aspect,
    /// The share of the part that fills the size which [`Aspect::Cover`] keeps, above 0 and at most 1.
    pub crop: f64,
    /// The level of the bars of [`Aspect::Fit`], 0-255.
    pub pad_value: u8,
}

impl Resizing {
    /// Of a file of `width` x `height` pixels, upright or not: the factor by which it may shrink
    /// before it is resized, so that the resizing still has twice the pixels it needs; at most 1.
    pub fn shrink(&self, width: u32, height: u32) -> f64 {
        if self.filter == Filter::Nearest {
            return 1.0; // means one certain pixel of the file
        }
        let longest = self.size[0].max(self.size[1]) as f64;
        let shortest = f64::from(width.min(height).max(1));
        (2.0 * longest / (shortest * self.crop)).min(1.0)
    }

    /// Gives an image the size.
    ///
    /// # Errors
    /// An image whose size the resizer refuses.
    pub fn apply(&self, pixels: &Pixels) -> Result<Pixels, DecodeError> {
        let [height, width] = self.size;
        let (from_height, from_width) = (pixels.height as f64, pixels.width as f64);
        let whole = [0.0, 0.0, from_width, from_height];
        match self.aspect {
            Aspect::Stretch => stretch(pixels, whole, height, width, self.filter),
            Aspect::Cover => {
                let scale = (from_height / height as f64).min(from_width / width as f64);
                let scale = scale * self.crop;
                let (cut_width, cut_height) = (width as f64 * scale, height as f64 * scale);
                let left = ((from_width - cut_width) / 2.0).max(0.0);
                let top = ((from_height - cut_height) / 2.0).max(0.0);
                let cut = [left, top, cut_width, cut_height];
                stretch(pixels, cut, height, width, self.filter)
            }
            Aspect::Fit => {
                let scale = (height as f64 / from_height).min(width as f64 / from_width);
                let inner =
                    |from: f64, most: usize| ((from * scale).round() as usize).clamp(1, most);
                let (inner_height, inner_width) =
                    (inner(from_height, height), inner(from_width, width));
                let fitted = stretch(pixels, whole, inner_height, inner_width, self.filter)?;
                Ok(self.framed(&fitted))
            }
        }
    }

    /// The image in the middle of a ground of `pad_value`.
    fn framed(&self, image: &Pixels) -> Pixels {
        let [height, width] = self.size;
        let channels = image.channels;
        let mut bytes = vec![self.pad_value; height * width * channels];
        let (top, left) = ((height - image.height) / 2, (width - image.width) / 2);
        for (row, line) in image.bytes.chunks_exact(image.width * channels).enumerate() {
            let at = ((top + row) * width + left) * channels;
            bytes[at..at + line.len()].copy_from_slice(line);
        }
        Pixels {
            width,
            height,
            channels,
            bytes,
        }
    }
}

/// Stretches the part `[left, top, width, height]` of an image to `height` x `width`.
fn stretch(
    pixels: &Pixels,
    part: [f64; 4],
    height: usize,
    width: usize,
    filter: Filter,
) -> Result<Pixels, DecodeError> {
    let whole = part == [0.0, 0.0, pixels.width as f64, pixels.height as f64];
    if whole && (pixels.width, pixels.height) == (width, height) {
        return Ok(pixels.clone());
    }
    let [left, top, cut_width, cut_height] = part;
    let options = ResizeOptions::new()
        .resize_alg(filter.algorithm())
        .crop(left, top, cut_width, cut_height);
    let size = [height as u32, width as u32];
    let bytes = match pixels.channels {
        1 => resampled::<U8>(pixels, size, &options),
        _ => resampled::<U8x3>(pixels, size, &options),
    };
    Ok(Pixels {
        width,
        height,
        channels: pixels.channels,
        bytes: bytes.map_err(DecodeError::Resize)?,
    })
}

/// The bytes of the pixels resampled to `[height, width]`. `Resizer::resize` does the same for any kind of pixel
/// found at run time, and compiles its kernels for all thirteen: 3 MB.
fn resampled<P: PixelTrait>(
    pixels: &Pixels,
    [height, width]: [u32; 2],
    options: &ResizeOptions,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let (from_width, from_height) = (pixels.width as u32, pixels.height as u32);
    let source = TypedImageRef::<P>::from_buffer(from_width, from_height, &pixels.bytes)?;
    let mut bytes = vec![0; width as usize * height as usize * pixels.channels];
    let mut target = TypedImage::<P>::from_buffer(width, height, &mut bytes)?;
    Resizer::new().resize_typed(&source, &mut target, options)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(height: usize, width: usize, filter: Filter, aspect: Aspect) -> Resizing {
        Resizing {
            size: [height, width],
            filter,
            aspect,
            crop: 1.0,
            pad_value: 9,
        }
    }

    /// A wide image in three colours: left, middle, right.
    fn wide() -> Pixels {
        let row: Vec<u8> = [10, 10, 10, 20, 20, 20, 20, 20, 20, 30, 30, 30].to_vec();
        Pixels {
            width: 12,
            height: 6,
            channels: 1,
            bytes: row.repeat(6),
        }
    }

    #[test]
    fn halving_averages_and_keeps_a_flat_image_flat() {
        let flat = Pixels {
            width: 8,
            height: 6,
            channels: 3,
            bytes: vec![77; 8 * 6 * 3],
        };
        for filter in [
            Filter::Nearest,
            Filter::Bilinear,
            Filter::Bicubic,
            Filter::Lanczos,
        ] {
            let half = to(3, 4, filter, Aspect::Stretch).apply(&flat);
            let half = half.expect("a valid size");
            assert_eq!((half.height, half.width), (3, 4));
            assert!(half.bytes.iter().all(|&byte| byte == 77), "{filter:?}");
        }
    }

    #[test]
    fn the_same_size_is_left_as_it_is() {
        let image = wide();
        for aspect in [Aspect::Stretch, Aspect::Fit, Aspect::Cover] {
            let same = to(6, 12, Filter::Lanczos, aspect).apply(&image);
            assert_eq!(same.expect("resized"), image, "{aspect:?}");
        }
    }

    #[test]
    fn cover_keeps_the_middle_and_fit_adds_bars() {
        let cover = to(6, 6, Filter::Bilinear, Aspect::Cover).apply(&wide());
        assert_eq!(cover.expect("a valid size").bytes, [20; 36]);
        let middle = Resizing {
            crop: 0.5,
            ..to(6, 6, Filter::Nearest, Aspect::Cover)
        };
        let mut edges = wide();
        edges.bytes.chunks_exact_mut(12).for_each(|row| row[3] = 0);
        let middle = middle.apply(&edges).expect("a valid size");
        assert_eq!(middle.bytes, [20; 36], "the middle three of six pixels");
        let fit = to(6, 6, Filter::Nearest, Aspect::Fit).apply(&wide());
        let fit = fit.expect("a valid size").bytes;
        assert_eq!(fit[..6], [9; 6]);
        assert_eq!(fit[12..18], [10, 20, 20, 20, 30, 30]);
        assert_eq!(fit[30..], [9; 6]);
    }

    #[test]
    fn only_what_is_more_than_twice_too_large_may_shrink() {
        let bilinear = to(150, 150, Filter::Bilinear, Aspect::Stretch);
        assert_eq!(bilinear.shrink(4000, 3000), 0.1);
        assert_eq!(bilinear.shrink(500, 300), 1.0);
        let nearest = to(150, 150, Filter::Nearest, Aspect::Stretch);
        assert_eq!(nearest.shrink(4000, 3000), 1.0);
    }
}
