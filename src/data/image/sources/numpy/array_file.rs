//! Reads NumPy's array files as images and labels.

use std::io::{BufReader, Read};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::error::NumpyError;
use super::npy::{Array, Kind};
use crate::data::core::left_out::{list_names, short_name};
use crate::data::files::error::FileError;
use crate::data::files::size::{MAX_SIDE, Packed, within_memory};
use crate::data::image::decode::raw::RawBlock;
use crate::storage::{Zip, open_seekable};

/// The labels of an array.
pub enum Labels {
    /// Numbers.
    Numbers(Vec<u32>),
    /// Names.
    Names(Vec<String>),
}

/// A file of one array or of several.
pub enum ArrayFile {
    /// `.npy`.
    Single(PathBuf),
    /// `.npz`.
    Several(Zip),
}

impl ArrayFile {
    /// Opens a file; of an `.npz` file its directory is read.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn open(path: &FilePath) -> Result<ArrayFile, NumpyError> {
        let fail = FileError::Io;
        let mut file = open_seekable(path).map_err(fail)?;
        let mut begin = Vec::new();
        file.by_ref()
            .take(2)
            .read_to_end(&mut begin)
            .map_err(fail)?;
        match &*begin {
            b"PK" => match Zip::open(Arc::new(file)) {
                Ok(zip) => Ok(ArrayFile::Several(zip)),
                Err(error) => Err(NumpyError::Archive(error)),
            },
            _ => Ok(ArrayFile::Single(path.to_path_buf())),
        }
    }

    /// The names of its arrays; none of a file of one.
    pub fn names(&self) -> Vec<String> {
        match self {
            ArrayFile::Single(_) => Vec::new(),
            ArrayFile::Several(zip) => {
                let names = zip
                    .members()
                    .iter()
                    .map(|member| member.name.trim_end_matches(".npy"));
                names.map(str::to_string).collect()
            }
        }
    }

    /// Whether it holds one array, without a name.
    pub fn is_single(&self) -> bool {
        matches!(self, ArrayFile::Single(_))
    }

    /// The index of the array called `name`, ignoring case.
    fn find(&self, name: &str) -> Option<usize> {
        let ArrayFile::Several(zip) = self else {
            return None;
        };
        let wanted = format!("{name}.npy");
        zip.members()
            .iter()
            .position(|member| member.name.eq_ignore_ascii_case(&wanted))
    }

    /// Whether there is an array of that name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Reads the first array that has one of the names; the only one of a file of one.
    ///
    /// # Errors
    /// Why there is none, or it cannot be read.
    pub fn read(&mut self, names: &[String], packed: Packed) -> Result<Array, NumpyError> {
        let found = names.iter().find_map(|name| self.find(name));
        let zip = match self {
            ArrayFile::Single(path) => {
                let file = open_seekable(&*path).map_err(FileError::Io)?;
                return Array::read(BufReader::new(file), within_memory);
            }
            ArrayFile::Several(zip) => zip,
        };
        let Some(index) = found else {
            let there: Vec<&str> = zip.members().iter().map(|member| &*member.name).collect();
            return Err(NumpyError::NoArray {
                wanted: list_names(&names[..names.len().min(4)]),
                there: list_names(&there),
            });
        };
        let member = zip.members()[index].clone();
        let check = |claimed: u64| match claimed <= member.size {
            true => Ok(packed.check(member.packed, claimed)?),
            false => Err(NumpyError::MemberSize {
                claimed,
                size: member.size,
            }),
        };
        let read = zip.read(index, |from| Array::read(from, check));
        read.map_err(|error: NumpyError| NumpyError::Member {
            name: short_name(&member.name).into_owned(),
            error: Box::new(error),
        })
    }
}

/// Images as they are held in memory.
///
/// # Errors
/// What is no image.
pub fn images(array: Array, path: &FilePath) -> Result<RawBlock, NumpyError> {
    let (size, planar) = match array.shape[..] {
        [height, width] | [_, height, width] => ([height, width, 1], false),
        [_, height, width, channels @ (1 | 3)] => ([height, width, channels], false),
        [_, channels @ (1 | 3), height, width] => ([height, width, channels], true),
        _ => return Err(NumpyError::Shape(array.shape)),
    };
    if array.is_empty() {
        return Err(NumpyError::Empty(array.shape));
    }
    if size.iter().any(|&size| size > MAX_SIDE) {
        return Err(NumpyError::Side(size));
    }
    let (depth, bytes) = levels(array)?;
    Ok(RawBlock {
        path: path.to_path_buf(),
        size,
        planar,
        skip: 0,
        depth,
        bytes,
    })
}

/// Bytes per value, and the values: floats become levels of 8 bits, wider whole numbers 16 bits.
fn levels(array: Array) -> Result<(usize, Vec<u8>), NumpyError> {
    let (least, most) = match (array.kind, array.width) {
        (Kind::Unsigned, 1) => return Ok((1, array.into_bytes())),
        (Kind::Unsigned, 2) => return Ok((2, array.into_bytes())),
        (Kind::Unicode | Kind::Bytes, _) => return Err(NumpyError::Texts),
        _ => {
            let mut bounds = (f64::INFINITY, f64::NEG_INFINITY);
            for value in array.values() {
                let value = array.number(value);
                if !value.is_finite() {
                    return Err(NumpyError::NotFinite);
                }
                bounds = (bounds.0.min(value), bounds.1.max(value));
            }
            bounds
        }
    };
    let outside = |expected: &'static str| {
        Err(NumpyError::Range {
            least,
            most,
            expected,
        })
    };
    let scaled = |factor: f64| {
        array
            .values()
            .map(|value| (array.number(value) * factor).round() as u8)
            .collect()
    };
    match array.kind {
        Kind::Float if least < 0.0 || most > 255.0 => {
            outside("floats from 0 to 1, or from 0 to 255")
        }
        Kind::Float => Ok((1, scaled(if most <= 1.0 { 255.0 } else { 1.0 }))),
        Kind::Bool => Ok((1, scaled(255.0))),
        _ if least < 0.0 || most > 65535.0 => outside("whole numbers from 0 to 65535"),
        Kind::Signed if array.width == 1 => Ok((1, scaled(1.0))),
        _ => {
            let values = array
                .values()
                .flat_map(|value| (array.number(value) as u16).to_le_bytes());
            Ok((2, values.collect()))
        }
    }
}

/// Labels: one for each image.
///
/// # Errors
/// What is no label.
pub fn labels(array: Array) -> Result<Labels, NumpyError> {
    let one_each = matches!(array.shape[..], [_] | [_, 1]);
    if !one_each {
        return Err(NumpyError::LabelShape(array.shape));
    }
    if matches!(array.kind, Kind::Unicode | Kind::Bytes) {
        return Ok(Labels::Names(
            array.values().map(|value| array.text(value)).collect(),
        ));
    }
    let number = |value: &[u8]| {
        let value = array.number(value);
        (value.fract() == 0.0 && (0.0..f64::from(1 << 20)).contains(&value)).then_some(value as u32)
    };
    let numbers: Option<Vec<u32>> = array.values().map(number).collect();
    let numbers = numbers.ok_or(NumpyError::Label)?;
    Ok(Labels::Numbers(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::sources::numpy::npy::tests::npy;

    fn block(descr: &str, shape: &str, bytes: &[u8]) -> Result<RawBlock, NumpyError> {
        let file = npy(descr, false, shape, bytes);
        images(
            Array::read(&file[..], |_| Ok::<_, NumpyError>(()))?,
            FilePath::new("a.npy"),
        )
    }

    #[test]
    fn every_layout_and_type_of_images_is_read() {
        let grey = block("|u1", "(2, 1, 2)", &[1, 2, 3, 4]).expect("images");
        assert_eq!((grey.len(), grey.size, grey.depth), (2, [1, 2, 1], 1));
        let last = block("|u1", "(1, 1, 2, 3)", &[1, 2, 3, 4, 5, 6]).expect("images");
        assert_eq!((last.size, last.planar), ([1, 2, 3], false));
        let first = block("|u1", "(1, 3, 1, 2)", &[1, 2, 3, 4, 5, 6]).expect("images");
        assert_eq!((first.size, first.planar), ([1, 2, 3], true));
        let floats = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
        assert_eq!(
            block("<f4", "(1, 1, 2)", &floats([0.0, 1.0]))
                .expect("images")
                .bytes,
            [0, 255]
        );
        assert_eq!(
            block("<f4", "(1, 1, 2)", &floats([7.0, 255.0]))
                .expect("images")
                .bytes,
            [7, 255]
        );
        let message = block("<f4", "(1, 1, 2)", &floats([-1.0, 1.0]))
            .expect_err("no levels")
            .to_string();
        assert!(message.contains("values from -1 to 1"), "{message}");
        let wide = block("<i4", "(1, 1, 2)", &[5, 0, 0, 0, 0, 2, 0, 0]).expect("images");
        assert_eq!((wide.depth, wide.bytes), (2, vec![5, 0, 0, 2]));
        assert!(block("|u1", "(1, 2, 2, 4)", &[0; 16]).is_err());
        assert!(block("|u1", "(0, 4, 4)", &[]).is_err());
    }

    #[test]
    fn labels_are_numbers_or_names_one_for_each_image() {
        let read = |descr: &str, shape: &str, bytes: &[u8]| {
            let file = npy(descr, false, shape, bytes);
            labels(Array::read(&file[..], |_| Ok::<_, NumpyError>(())).expect("an array"))
        };
        assert!(
            matches!(read("<i8", "(1, 1)", &3i64.to_le_bytes()), Ok(Labels::Numbers(n)) if n == [3])
        );
        assert!(matches!(read("|S2", "(2,)", b"a\0bc"), Ok(Labels::Names(n)) if n == ["a", "bc"]));
        assert!(read("|u1", "(1, 2)", &[0, 1]).is_err());
        assert!(read("|i1", "(1,)", &[0xFF]).is_err());
    }
}
