//! Arranges images in columns on one sheet.

use std::io::Cursor;

use crate::data::Pixels;

/// Pixels between two images.
const GUTTER: usize = 2;

/// Pixels between the first column and the others.
const WIDE_GUTTER: usize = 8;

/// Red, green, blue, `[height, width, 3]`, on white.
pub struct Sheet {
    /// Pixels per row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Row after row.
    pub bytes: Vec<u8>,
}

impl Sheet {
    /// Lays out columns of images of one size.
    pub fn new(columns: Vec<&[Pixels]>) -> Sheet {
        let size = columns.iter().flat_map(|column| column.first()).next();
        let (width, height) = size.map_or((0, 0), |image| (image.width, image.height));
        let num_rows = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        let left = |column: usize| {
            let wide = if column > 0 { WIDE_GUTTER - GUTTER } else { 0 };
            GUTTER + wide + column * (width + GUTTER)
        };
        let mut sheet = Sheet {
            width: left(columns.len()),
            height: GUTTER + num_rows * (height + GUTTER),
            bytes: Vec::new(),
        };
        sheet.bytes = vec![255; sheet.width * sheet.height * 3];
        for (column, images) in columns.iter().enumerate() {
            for (row, image) in images.iter().enumerate() {
                sheet.put(image, GUTTER + row * (height + GUTTER), left(column));
            }
        }
        sheet
    }

    /// The bytes of it as a PNG.
    ///
    /// # Errors
    /// A sheet without pixels.
    pub fn png(&self) -> image::ImageResult<Vec<u8>> {
        let (width, height) = (self.width as u32, self.height as u32);
        let kind = image::ExtendedColorType::Rgb8;
        let mut bytes = Cursor::new(Vec::new());
        let format = image::ImageFormat::Png;
        image::write_buffer_with_format(&mut bytes, &self.bytes, width, height, kind, format)?;
        Ok(bytes.into_inner())
    }

    fn put(&mut self, image: &Pixels, top: usize, left: usize) {
        let pixels = image.bytes.chunks_exact(image.channels);
        for (index, pixel) in pixels.enumerate() {
            let (row, column) = (index / image.width, index % image.width);
            let at = ((top + row) * self.width + left + column) * 3;
            let last = pixel.len() - 1;
            for (channel, value) in self.bytes[at..at + 3].iter_mut().enumerate() {
                *value = pixel[channel.min(last)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_lie_beside_each_other_with_gutters() {
        let image = |level| Pixels {
            width: 3,
            height: 2,
            channels: 1,
            bytes: vec![level; 6],
        };
        let columns = [vec![image(1), image(2)], vec![image(3), image(4)]];
        let sheet = Sheet::new(columns.iter().map(Vec::as_slice).collect());
        assert_eq!(
            (sheet.width, sheet.height),
            (2 + 3 + 8 + 3 + 2, 2 + 2 + 2 + 2 + 2)
        );
        let at = |row: usize, column: usize| sheet.bytes[(row * sheet.width + column) * 3 + 2];
        assert_eq!([at(2, 2), at(6, 2), at(2, 13), at(7, 15)], [1, 2, 3, 4]);
        assert_eq!([at(0, 0), at(2, 5), at(4, 2), at(9, 17)], [255; 4]);
    }
}
