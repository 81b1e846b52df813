//! Files of safetensors: a JSON header, and the values behind it.

use std::fs::File;
use std::sync::Arc;

use ::safetensors::tensor::Metadata;

use super::error::ImportFault;
use super::number_type::{ByteOrder, NumberType};
use super::opened::{Opened, ValueReader};
use super::shape::checked_shape;
use super::tensor::TensorInfo;
use super::unread::Unread;
use crate::storage::positional::read_at;

/// The most bytes of a header: that of some 300,000 tensors.
const MAX_HEADER: u64 = 32 << 20;

/// Whether a file begins as such files do.
pub fn is_safetensors(begin: &[u8]) -> bool {
    let len = begin.first_chunk::<8>().map(|len| u64::from_le_bytes(*len));
    len.is_some_and(|len| len <= MAX_HEADER) && begin.get(8) == Some(&b'{')
}

/// Opens such a file.
///
/// # Errors
/// A header that is damaged, or not that of the file's bytes.
pub fn open(file: &Arc<File>) -> Result<Opened, ImportFault> {
    let size = file.metadata()?.len();
    let mut len = [0; 8];
    read_at(file, &mut len, 0)?;
    let damaged =
        |what: &str| ImportFault::Damaged(format!("it is no whole safetensors file: {what}"));
    let begin = u64::from_le_bytes(len).saturating_add(8);
    if begin > size.min(MAX_HEADER + 8) {
        return Err(damaged("its header is cut"));
    }
    let mut head = vec![0; begin as usize - 8];
    read_at(file, &mut head, 8)?;
    let header: Metadata =
        serde_json::from_slice(&head).map_err(|error| damaged(&error.to_string()))?;
    let mut opened = Opened::default();
    let mut places = Vec::new();
    let mut end = 0;
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            continue;
        };
        let (first, last) = info.data_offsets;
        if first != end || last < first {
            return Err(damaged("its tensors do not lie one behind another"));
        }
        end = last;
        let dtype = format!("{:?}", info.dtype);
        let Some(dtype) = NumberType::named(&dtype) else {
            opened.unreadable.push((name, Unread::NumberType(dtype)));
            continue;
        };
        let sizes: Vec<u64> = info.shape.iter().map(|size| *size as u64).collect();
        match checked_shape(&sizes) {
            Ok((shape, count)) if count.saturating_mul(dtype.width()) == last - first => {
                opened.tensors.push(TensorInfo { name, shape, dtype });
                places.push((begin + first as u64, last - first));
            }
            Ok(_) => return Err(damaged("a tensor's bytes are not those of its shape")),
            Err(why) => opened.unreadable.push((name, why)),
        }
    }
    if begin.checked_add(end as u64) != Some(size) {
        return Err(damaged(&format!(
            "its tensors have {end} bytes, and it holds {}",
            size - begin
        )));
    }
    let metadata = header.metadata().as_ref();
    opened.is_kilns = metadata.is_some_and(|metadata| metadata.contains_key("kiln"));
    opened.source = Some(Box::new(Source {
        file: file.clone(),
        places,
        types: opened.tensors.iter().map(|tensor| tensor.dtype).collect(),
    }));
    Ok(opened)
}

struct Source {
    file: Arc<File>,
    /// First byte and length.
    places: Vec<(u64, usize)>,
    types: Vec<NumberType>,
}

impl ValueReader for Source {
    fn read(&self, index: usize) -> Result<Vec<f32>, ImportFault> {
        let (begin, len) = self.places[index];
        let mut bytes = vec![0; len];
        read_at(&self.file, &mut bytes, begin)?;
        Ok(self.types[index].decode(&bytes, ByteOrder::Little))
    }
}
