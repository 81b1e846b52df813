//! The value range that the training images with 16 bits per channel use.

use image::DynamicImage;
use rayon::prelude::*;

use crate::data::image::decode::deep::{DeepRange, WIDE};
use crate::data::image::decode::{HEADER_BYTES, decode_image, is_tiff, raw, read_header_of};
use crate::data::image::preprocess::ImagePreprocess;
use crate::data::image::samples::{Place, Split};

/// The value range that the 16-bit images of a split use.
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
    /// Decodes the 16-bit images of formats that can have them; those that cannot be decoded are reported later, by
    /// the decoding of all samples. `None` where there is none.
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

    /// The range to scale by; `None` if the images use most of their 16 bits, or have one value only.
    pub fn range(&self) -> Option<DeepRange> {
        let narrow = self.most - self.least < WIDE;
        narrow
            .then(|| DeepRange::new(self.least, self.most))
            .flatten()
    }

    /// Notices.
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

/// Smallest and largest value of an image, where it has 16 bits per channel.
pub fn extent(split: &Split, index: usize, preprocess: &ImagePreprocess) -> Option<(u16, u16)> {
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
}
