//! Resizing by stretching, with antialiasing where the picture gets smaller.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::Pixels;

/// How pixels are computed when a picture changes its size.
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

/// Stretches a picture to `height` x `width`.
///
/// # Errors
/// A picture whose size the resizer refuses, in words that follow its name.
pub fn resize(
    pixels: &Pixels,
    height: usize,
    width: usize,
    filter: Filter,
) -> Result<Pixels, String> {
    if (pixels.width, pixels.height) == (width, height) {
        return Ok(pixels.clone());
    }
    let kind = match pixels.channels {
        1 => PixelType::U8,
        _ => PixelType::U8x3,
    };
    let fail = |error: &dyn std::fmt::Display| format!("cannot be resized: {error}");
    let source = ImageRef::new(
        pixels.width as u32,
        pixels.height as u32,
        &pixels.bytes,
        kind,
    )
    .map_err(|error| fail(&error))?;
    let mut target = Image::new(width as u32, height as u32, kind);
    let options = ResizeOptions::new().resize_alg(filter.algorithm());
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|error| fail(&error))?;
    Ok(Pixels {
        width,
        height,
        channels: pixels.channels,
        bytes: target.into_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_averages_and_keeps_a_flat_picture_flat() {
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
            let half = resize(&flat, 3, 4, filter).expect("a valid size");
            assert_eq!((half.height, half.width), (3, 4));
            assert!(half.bytes.iter().all(|&byte| byte == 77), "{filter:?}");
        }
    }

    #[test]
    fn the_same_size_is_left_as_it_is() {
        let picture = Pixels {
            width: 2,
            height: 1,
            channels: 1,
            bytes: vec![3, 250],
        };
        assert_eq!(resize(&picture, 1, 2, Filter::Lanczos), Ok(picture));
    }
}
