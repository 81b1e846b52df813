//! Images with 16 bits per channel. Many of them (medical, astronomical, depth) use a small part of the range and
//! would be black in 8 bits. Therefore the range that the training images use is mapped to 0-255; it is stored in the
//! model file and applied to every later image.

use image::{ColorType, DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use serde::{Deserialize, Serialize};

use super::error::DecodeError;

/// The values of 16-bit channels that become 0 and 255; `[low, high]` in the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepRange(u16, u16);

/// Where the values span that many levels the image is not dark, and 8 bits are taken from the top.
pub const WIDE: u16 = 1 << 15;

impl DeepRange {
    /// The range from `low` to `high`; `None` if it has no extent.
    pub fn new(low: u16, high: u16) -> Option<DeepRange> {
        (low < high).then_some(DeepRange(low, high))
    }

    /// Whether the range is not empty; an untrusted model file may hold an empty one.
    pub fn is_valid(&self) -> bool {
        self.0 < self.1
    }

    /// The value that becomes 0, and the one that becomes 255.
    pub fn bounds(&self) -> [u16; 2] {
        [self.0, self.1]
    }

    /// The level of a value, rounded; what lies outside takes the nearest level.
    pub fn level(&self, value: u16) -> u8 {
        let span = u32::from(self.1.saturating_sub(self.0)).max(1);
        let value = u32::from(value.saturating_sub(self.0)).min(span);
        ((value * 255 + span / 2) / span) as u8
    }
}

/// The level of a value where the whole range is taken, as `image` converts it.
pub fn plain_level(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// Whether a colour type has 16 bits per channel.
pub fn is_deep(colour: ColorType) -> bool {
    use ColorType::{L16, La16, Rgb16, Rgba16};
    matches!(colour, L16 | La16 | Rgb16 | Rgba16)
}

/// An image in 8 bits, its 16-bit channels scaled by a range; alpha is no level, and keeps the whole range.
pub fn from_deep(image: DynamicImage, range: DeepRange) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let levels =
        |values: Vec<u16>| -> Vec<u8> { values.into_iter().map(|v| range.level(v)).collect() };
    let with_alpha = |values: Vec<u16>, channels: usize| -> Vec<u8> {
        let numbered = values.into_iter().enumerate();
        let level = |(at, value)| match at % channels == channels - 1 {
            true => plain_level(value),
            false => range.level(value),
        };
        numbered.map(level).collect()
    };
    let scaled = match image {
        DynamicImage::ImageLuma16(image) => {
            ImageBuffer::<Luma<u8>, _>::from_raw(width, height, levels(image.into_raw()))
                .map(DynamicImage::from)
        }
        DynamicImage::ImageRgb16(image) => {
            ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, levels(image.into_raw()))
                .map(DynamicImage::from)
        }
        DynamicImage::ImageLumaA16(image) => {
            let levels = with_alpha(image.into_raw(), 2);
            ImageBuffer::<LumaA<u8>, _>::from_raw(width, height, levels).map(DynamicImage::from)
        }
        DynamicImage::ImageRgba16(image) => {
            let levels = with_alpha(image.into_raw(), 4);
            ImageBuffer::<Rgba<u8>, _>::from_raw(width, height, levels).map(DynamicImage::from)
        }
        other => return other,
    };
    scaled.unwrap_or_default() // as many levels as there were values
}

/// The share of an image's values that may lie far outside the range of the training images.
const MOST_BEYOND: f64 = 0.9;

/// Checks that an image with 16 bits per channel is one that the range was made for: where nearly all of its values are
/// further from it than it is wide, nothing of the image would be left, and any answer would be one to a blank.
///
/// # Errors
/// An image of which nearly all values are far outside the range.
pub fn check_within(image: &DynamicImage, range: DeepRange) -> Result<(), DecodeError> {
    let values: &[u16] = match image {
        DynamicImage::ImageLuma16(image) => image.as_raw(),
        DynamicImage::ImageRgb16(image) => image.as_raw(),
        _ => return Ok(()), // 8 bits; beside alpha, whose values are no levels
    };
    let [low, high] = range.bounds();
    let span = high.saturating_sub(low);
    let reach = low.saturating_sub(span)..=high.saturating_add(span);
    let beyond = values.iter().filter(|value| !reach.contains(value)).count();
    if (beyond as f64) < MOST_BEYOND * values.len() as f64 || values.is_empty() {
        return Ok(());
    }
    let (least, most) = (values.iter().min(), values.iter().max());
    Err(DecodeError::Range {
        found: [least, most].map(|value| value.copied().unwrap_or_default()),
        trained: [low, high],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_far_outside_the_range_is_refused_and_one_beside_it_is_not() {
        let range = DeepRange::new(30, 230).expect("a range");
        let image = |value: u16| {
            let image = ImageBuffer::<Luma<u16>, _>::from_pixel(3, 3, Luma([value]));
            DynamicImage::from(image)
        };
        for value in [0, 30, 230, 430] {
            assert!(check_within(&image(value), range).is_ok(), "{value}");
        }
        let message = check_within(&image(44_000), range)
            .expect_err("too bright")
            .to_string();
        assert!(
            message.contains("44000") && message.contains("30 to 230"),
            "{message}"
        );
    }

    #[test]
    fn a_range_becomes_0_to_255_and_alpha_keeps_its_own() {
        let range = DeepRange::new(100, 300).expect("a range");
        let levels: Vec<u8> = [0, 100, 101, 200, 300, 9999]
            .map(|value| range.level(value))
            .to_vec();
        // 255 / 200 = 1.275 a step, rounded
        assert_eq!(levels, [0, 0, 1, 128, 255, 255]);
        assert!(DeepRange::new(5, 5).is_none());
        let image = ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, vec![100, 200, 300, 65535])
            .expect("an image");
        let scaled = from_deep(DynamicImage::ImageRgba16(image), range);
        assert_eq!(scaled.into_rgba8().into_raw(), [0, 128, 255, 255]);
    }

    #[test]
    fn the_whole_range_is_converted_as_image_does() {
        for value in [0, 127, 128, 129, 256, 257, 30_000, 65_406, 65_407, 65_535] {
            let image = ImageBuffer::<Luma<u16>, _>::from_raw(1, 1, vec![value]).expect("an image");
            let expected = DynamicImage::ImageLuma16(image).into_luma8().into_raw()[0];
            assert_eq!(plain_level(value), expected, "{value}");
        }
    }
}
