//! Images with 16 bits a channel. Many of them (medical, astronomical, depth) use a small part of the range,
//! and would be black in 8 bits. So where the training images do, what they use becomes 0 to 255; the range is
//! part of the model file, so that it is the same for every image after them.

use image::{ColorType, DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::raw;
use super::{HEADER_BYTES, decode_image, is_tiff, read_header_of};
use crate::data::image::preprocess::ImagePreprocess;
use crate::data::image::samples::{Place, Split};

/// The values of 16-bit channels that become 0 and 255; `[low, high]` in the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepRange(u16, u16);

/// Where the values span that many levels the image is not dark, and 8 bits are taken from the top.
const WIDE: u16 = 1 << 15;

impl DeepRange {
    /// The range from `low` to `high`.
    ///
    /// # Errors
    /// One without extent, in words that follow what names it.
    pub fn new(low: u16, high: u16) -> Result<DeepRange, String> {
        match low < high {
            true => Ok(DeepRange(low, high)),
            false => Err(format!(
                "goes from {low} to {high}, expected the lower value first"
            )),
        }
    }

    /// Whether there is an extent, which a file from elsewhere may not have.
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

/// Whether a colour type has 16 bits a channel.
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

/// The share of an image's values that may lie far outside the range of training.
const MOST_BEYOND: f64 = 0.9;

/// Checks that an image with 16 bits a channel is one that the range was made for: where nearly all of its values are
/// further from it than it is wide, nothing of the image would be left, and any answer would be one to a blank.
///
/// # Errors
/// Values that are all but out of reach, in words that follow the image's name.
pub fn check_within(image: &DynamicImage, range: DeepRange) -> Result<(), String> {
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
    Err(format!(
        "has values of {} to {}, but the training images had {low} to {high}, by which all are scaled; bring it to their \
         range",
        least.copied().unwrap_or_default(),
        most.copied().unwrap_or_default()
    ))
}

/// What the 16-bit images of a split use of their range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeepImages {
    /// How many there are.
    pub count: usize,
    /// The smallest value.
    pub least: u16,
    /// The largest value.
    pub most: u16,
}

impl DeepImages {
    /// Looks for 16-bit images among those whose formats may have them, and decodes each; those that cannot be
    /// used are left to the decoding that names them. `None` where there is none.
    pub fn find(split: &Split, preprocess: &ImagePreprocess) -> Option<DeepImages> {
        let found = (0..split.len()).into_par_iter().filter_map(|index| {
            let (least, most) = extent(split, index, preprocess)?;
            Some(DeepImages {
                count: 1,
                least,
                most,
            })
        });
        found.reduce_with(|one, other| DeepImages {
            count: one.count + other.count,
            least: one.least.min(other.least),
            most: one.most.max(other.most),
        })
    }

    /// The range to scale by; `None` where the images use so much of their 16 bits that nothing is gained, or
    /// have one value only.
    pub fn range(&self) -> Option<DeepRange> {
        let narrow = self.most - self.least < WIDE;
        narrow
            .then(|| DeepRange::new(self.least, self.most).ok())
            .flatten()
    }

    /// What the user should know.
    pub fn notice(&self) -> Option<String> {
        let [low, high] = self.range()?.bounds();
        let what = match self.count {
            1 => "1 training image has".to_string(),
            count => format!("{count} training images have"),
        };
        Some(format!(
            "{what} 16 bits a channel and use the values {low} to {high} only; these become 0 to 255, here and \
             wherever the model is used"
        ))
    }
}

/// Smallest and largest value of an image, where it has 16 bits a channel.
fn extent(split: &Split, index: usize, preprocess: &ImagePreprocess) -> Option<(u16, u16)> {
    let name = split.file_name(index);
    let extension = name
        .extension()
        .and_then(|ext| ext.to_str())
        .unwrap_or_default();
    if ["jpg", "jpeg", "jfif", "gif", "webp", "bmp"]
        .iter()
        .any(|ext| extension.eq_ignore_ascii_case(ext))
    {
        return None; // never 16 bits, and not worth a look at a million of files
    }
    if let Place::Raw { block, .. } = &split.samples[index].place
        && split.blocks[*block as usize].depth == 1
    {
        return None;
    }
    let begin = split.read_begin(index, 32).ok()?;
    let maybe = match &*begin {
        [0x89, b'P', b'N', b'G', ..] => begin.get(24) == Some(&16),
        [b'P', b'2' | b'3' | b'5' | b'6' | b'7', ..] => true,
        begin => is_tiff(begin) || raw::is_deep(begin),
    };
    if !maybe {
        return None;
    }
    let most = if is_tiff(&begin) {
        u64::MAX
    } else {
        HEADER_BYTES
    };
    if !read_header_of(
        &split
            .read_begin(index, most.min(preprocess.max_bytes()))
            .ok()?,
    )
    .ok()?
    .deep
    {
        return None;
    }
    let bytes = split.read(index, preprocess.max_bytes()).ok()?;
    if raw::is_deep(&bytes) {
        return bounds(raw::deep_values(&bytes));
    }
    let image = preprocess
        .with_wanted(|wanted| decode_image(&bytes, wanted))
        .ok()?;
    let colours = |values: &[u16], channels: usize| {
        let pixels = values.chunks_exact(channels);
        bounds(pixels.flat_map(|pixel| pixel[..channels - 1].iter().copied()))
    };
    match &image {
        DynamicImage::ImageLuma16(image) => bounds(image.as_raw().iter().copied()),
        DynamicImage::ImageRgb16(image) => bounds(image.as_raw().iter().copied()),
        DynamicImage::ImageLumaA16(image) => colours(image.as_raw(), 2),
        DynamicImage::ImageRgba16(image) => colours(image.as_raw(), 4),
        _ => None,
    }
}

fn bounds(values: impl Iterator<Item = u16>) -> Option<(u16, u16)> {
    values.fold(None, |bounds, value| {
        let (least, most) = bounds.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
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
        let told = check_within(&image(44_000), range).expect_err("too bright");
        assert!(
            told.contains("44000") && told.contains("30 to 230"),
            "{told}"
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
        assert!(DeepRange::new(5, 5).is_err());
        let image = ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, vec![100, 200, 300, 65535])
            .expect("an image");
        let scaled = from_deep(DynamicImage::ImageRgba16(image), range);
        assert_eq!(scaled.into_rgba8().into_raw(), [0, 128, 255, 255]);
    }

    #[test]
    fn only_a_narrow_range_is_scaled_by() {
        let images = |least, most| DeepImages {
            count: 2,
            least,
            most,
        };
        assert_eq!(
            images(0, 200).range().map(|range| range.bounds()),
            Some([0, 200])
        );
        assert_eq!(
            images(40_000, 41_000).range().map(|range| range.bounds()),
            Some([40_000, 41_000])
        );
        assert_eq!(images(0, 65_535).range(), None);
        assert_eq!(images(7, 7).range(), None);
        assert!(
            images(0, 200)
                .notice()
                .expect("a notice")
                .contains("values 0 to 200 only")
        );
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
