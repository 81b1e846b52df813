//! JPEG compression artefacts.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::change::{ImageStep, Spare};
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;
use crate::data::image::decode::pixels::Pixels;

/// Stores the image as JPEG with a random quality from this up to 100, and reads it again.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct JpegQuality(#[schemars(range(min = 1, max = 100))] u8);

impl Augment for JpegQuality {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let quality = self.0 + rng.below(101 - usize::from(self.0)) as u8;
        change.image_steps.push(Box::new(Jpeg { quality }));
    }
}

#[derive(Debug)]
struct Jpeg {
    quality: u8,
}

impl ImageStep for Jpeg {
    fn run(&self, image: &mut Pixels, spare: &mut Spare) {
        let file = &mut spare.bytes;
        file.clear();
        let (width, height) = (image.width as u32, image.height as u32);
        let kind = match image.channels {
            1 => ExtendedColorType::L8,
            _ => ExtendedColorType::Rgb8,
        };
        // Neither can fail: the size is at most 16384, and what was just written can be read. If one
        // did, the image would stay as it is.
        let mut encoder = JpegEncoder::new_with_quality(&mut *file, self.quality);
        if encoder.encode(&image.bytes, width, height, kind).is_ok()
            && let Ok(decoder) = JpegDecoder::new(Cursor::new(&*file))
            && decoder.total_bytes() == image.bytes.len() as u64
        {
            let _ = decoder.read_image(&mut image.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_quality_loses_more_and_keeps_the_size() {
        for channels in [1, 3] {
            let level = |i: usize| (i * i / 7 % 256) as u8;
            let image = Pixels {
                width: 33,
                height: 21,
                channels,
                bytes: (0..33 * 21 * channels).map(level).collect(),
            };
            let error = |quality| {
                let mut lossy = image.clone();
                Jpeg { quality }.run(&mut lossy, &mut Spare::default());
                assert_eq!(lossy.bytes.len(), image.bytes.len());
                let pairs = lossy.bytes.iter().zip(&image.bytes);
                pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
            };
            assert!(
                error(10) > error(60) && error(60) > error(100),
                "{channels}"
            );
            assert!(error(100) > 0);
        }
    }
}
