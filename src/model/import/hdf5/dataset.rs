//! A dataset of numbers: its shape, its type, and where its values lie.

use super::bytes::Bytes;
use super::chunks::Chunks;
use super::fault::Hdf5Fault;
use super::filters::read_filters;
use super::header::Message;
use super::number::read_number_type;
use crate::model::import::number_type::{ByteOrder, NumberType};
use crate::model::import::shape::checked_shape;
use crate::model::import::unread::Unread;

const DATASPACE: u16 = 0x01;
const DATATYPE: u16 = 0x03;
const LAYOUT: u16 = 0x08;
const FILTERS: u16 = 0x0B;
const ATTRIBUTE: u16 = 0x0C;

/// See the module.
#[derive(Debug)]
pub struct Dataset {
    /// The sizes.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub kind: NumberType,
    order: ByteOrder,
    place: Place,
}

/// Where values lie.
#[derive(Debug)]
enum Place {
    /// In the header.
    Inline(Vec<u8>),
    /// One behind another.
    At { address: u64, len: u64 },
    /// In chunks.
    Chunks(Chunks),
}

/// Whether a dataset is one of 16-bit floats as Keras writes them: two bytes of no type (class 5), and beside them an
/// attribute `dtype`, which says "bfloat16".
fn is_keras_bf16(messages: &[Message], datatype: &[u8]) -> bool {
    let mut attributes = messages.iter().filter(|message| message.kind == ATTRIBUTE);
    let is_opaque = datatype.first().is_some_and(|first| first & 0x0F == 5);
    is_opaque
        && datatype.get(4..8) == Some(&[2, 0, 0, 0])
        && attributes.any(|message| message.data.windows(6).any(|part| part == b"dtype\0"))
}

/// Reads a dataset's header; `None` where it is not one of numbers.
pub fn read_dataset(bytes: &Bytes, messages: &[Message]) -> Option<Result<Dataset, Unread>> {
    let find = |kind: u16| messages.iter().find(|message| message.kind == kind);
    let datatype = find(DATATYPE)?;
    if datatype.is_shared {
        return Some(Err(Unread::Unsupported(
            "has a datatype with a name of its own, which is not read",
        )));
    }
    let number = match read_number_type(bytes, &datatype.data) {
        Ok(None) if is_keras_bf16(messages, &datatype.data) => {
            (NumberType::Bf16, ByteOrder::Little)
        }
        Ok(number) => number?,
        Err(why) => return Some(Err(why)),
    };
    Some(read(
        bytes,
        find(DATASPACE),
        find(LAYOUT),
        find(FILTERS),
        number,
    ))
}

fn read(
    bytes: &Bytes,
    space: Option<&Message>,
    layout: Option<&Message>,
    filters: Option<&Message>,
    (kind, order): (NumberType, ByteOrder),
) -> Result<Dataset, Unread> {
    let missing = || Unread::Unsupported("is damaged: its shape or its place is missing");
    let space = space.filter(|space| !space.is_shared).ok_or_else(missing)?;
    let sizes = sizes(bytes, &space.data)?;
    let (shape, count) = checked_shape(&sizes)?;
    let needs = (count * kind.width()) as u64;
    let layout = layout
        .filter(|layout| !layout.is_shared)
        .ok_or_else(missing)?;
    let (class, version) = match layout.data[..] {
        [version @ 3..=5, class, ..] => (class, version),
        _ => {
            return Err(Unread::Unsupported(
                "lies as the oldest versions of HDF5 put it, which is not read",
            ));
        }
    };
    let mut cursor = bytes.cursor("a dataset's place", &layout.data[2..]);
    let place = match class {
        0 => {
            let len = cursor.number(2)?;
            Place::Inline(cursor.take(len as usize)?.to_vec())
        }
        1 => {
            let (address, len) = (cursor.address()?, cursor.length()?);
            let unwritten = || Unread::Unsupported("was never written");
            match count {
                0 => Place::Inline(Vec::new()),
                _ => Place::At {
                    address: address.ok_or_else(unwritten)?,
                    len,
                },
            }
        }
        2 if version == 3 => chunks(bytes, &layout.data[2..], shape.len(), kind, filters)?,
        2 => {
            return Err(Unread::Unsupported(
                "lies in chunks as the newest format of HDF5 puts them, which is not read; write it with h5py's \
                        default libver",
            ));
        }
        _ => {
            return Err(Unread::Unsupported(
                "lies in other files, which is not read",
            ));
        }
    };
    let fits = match &place {
        Place::Inline(inline) => inline.len() as u64 >= needs,
        Place::At { address, len } => *len >= needs && bytes.has(*address, *len),
        Place::Chunks(_) => true, // known when they are read
    };
    match fits {
        true => Ok(Dataset {
            shape,
            kind,
            order,
            place,
        }),
        false => Err(Unread::Unsupported("is damaged: its values are not there")),
    }
}

/// The sizes of a dataset; none of a single value.
fn sizes(bytes: &Bytes, message: &[u8]) -> Result<Vec<u64>, Hdf5Fault> {
    let mut cursor = bytes.cursor("a shape", message);
    let (version, rank) = (cursor.byte()?, cursor.byte()?);
    cursor.take(1)?;
    match version {
        1 => drop(cursor.take(5)?),
        2 if cursor.byte()? == 2 => return Ok(vec![0]), // holds nothing
        2 => {}
        _ => return Err(Hdf5Fault::Damaged("a shape has an unknown version")),
    }
    (0..rank).map(|_| cursor.length()).collect()
}

fn chunks(
    bytes: &Bytes,
    layout: &[u8],
    rank: usize,
    kind: NumberType,
    filters: Option<&Message>,
) -> Result<Place, Unread> {
    let mut cursor = bytes.cursor("a dataset's chunks", layout);
    let axes = usize::from(cursor.byte()?);
    let tree = cursor.address()?;
    let tree = tree.ok_or(Unread::Unsupported("was never written"))?;
    let sizes = (0..axes).map(|_| cursor.number(4).map(|size| size as usize));
    let mut sizes = sizes.collect::<Result<Vec<usize>, _>>()?;
    let width = sizes.pop();
    let chunks = Chunks {
        tree,
        sizes,
        filters: match filters {
            Some(message) => read_filters(bytes, &message.data)?,
            None => Vec::new(),
        },
        width: kind.width(),
    };
    let is_right = chunks.sizes.len() == rank && width == Some(kind.width());
    match is_right && chunks.chunk_len().is_some() {
        true => Ok(Place::Chunks(chunks)),
        false => Err(Unread::Unsupported(
            "is damaged: its chunks have impossible sizes",
        )),
    }
}

impl Dataset {
    /// The values, row by row.
    ///
    /// # Errors
    /// Damage; as the system says.
    pub fn read(&self, bytes: &Bytes) -> Result<Vec<f32>, Hdf5Fault> {
        let needs = self.shape.iter().product::<usize>() * self.kind.width();
        let values = match &self.place {
            Place::Inline(values) => values[..needs].to_vec(),
            Place::At { address, .. } => bytes.part("a dataset", *address, needs as u64)?,
            Place::Chunks(chunks) => chunks.read(bytes, &self.shape)?,
        };
        Ok(self.kind.decode(&values, self.order))
    }
}
