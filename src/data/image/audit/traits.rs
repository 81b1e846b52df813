//! Traits of an image that decoding records for the audit, in 48 bytes.

use std::path::Path;

use image::ImageFormat;
use xxhash_rust::xxh3::xxh3_128;

use super::perceptual_hash::{is_blank, look};
use crate::data::image::decode::error::DecodeError;
use crate::data::image::decode::pixels::Pixels;
use crate::data::image::decode::read_header_of;

/// Traits of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// A digest of the file's bytes.
    pub content: u128,
    /// Its perceptual hash.
    pub look: u128,
    /// Pixels per row, as stored.
    pub width: u32,
    /// Rows of pixels, as stored.
    pub height: u32,
    /// [`Traits::SEEN`] and the others.
    pub flags: u32,
}

impl Traits {
    /// It was decoded.
    pub const SEEN: u32 = 1;
    /// Its bytes were read, but not decoded.
    pub const HASHED: u32 = 16;
    /// Its file extension is that of another format.
    pub const MISNAMED: u32 = 2;
    /// It has one colour.
    pub const BLANK: u32 = 4;
    /// It is stored in grey.
    pub const GREY: u32 = 8;
    /// It is stored with 16 bits per channel.
    pub const DEEP: u32 = 32;

    /// The traits of a file of this name, which holds `bytes` and was decoded to `image`.
    pub fn of(name: &Path, bytes: &[u8], image: &Pixels) -> Traits {
        let header = read_header_of(bytes).ok();
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        Traits {
            content: xxh3_128(bytes),
            look: look(image),
            width: header.map_or(0, |header| header.width),
            height: header.map_or(0, |header| header.height),
            flags: Self::SEEN
                | flag(is_misnamed(name, bytes), Self::MISNAMED)
                | flag(is_blank(image), Self::BLANK)
                | flag(
                    header.is_some_and(|header| header.channels == 1),
                    Self::GREY,
                )
                | flag(header.is_some_and(|header| header.deep), Self::DEEP),
        }
    }

    /// The traits of a file that is not decoded now, from its header.
    ///
    /// # Errors
    /// Why it is no image.
    pub fn of_header(name: &Path, bytes: &[u8]) -> Result<Traits, DecodeError> {
        let header = read_header_of(bytes)?;
        let misnamed = if is_misnamed(name, bytes) {
            Self::MISNAMED
        } else {
            0
        };
        Ok(Traits {
            content: xxh3_128(bytes),
            look: 0,
            width: header.width,
            height: header.height,
            flags: Self::HASHED | misnamed,
        })
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

fn is_misnamed(name: &Path, bytes: &[u8]) -> bool {
    match (ImageFormat::from_path(name), image::guess_format(bytes)) {
        (Ok(named), Ok(found)) => named != found,
        _ => false,
    }
}
