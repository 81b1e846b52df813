//! Named tensors in a safetensors file. Written here rather than by the crate: one pass without
//! a copy of everything, and the metadata in a fixed order, so that the same content gives the same
//! bytes (the crate takes a `HashMap`).

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use anyhow::ensure;
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use super::checksum::{CHECKSUM_KEY, checksum, digest_values, verify};

/// A tensor to write.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The full name ("model.2.weight", "adam.m/model.2.weight").
    pub name: &'a str,
    /// Sizes, outermost first.
    pub shape: &'a [usize],
    /// Row-major, as many as the product of the sizes.
    pub values: &'a [f32],
}

/// A tensor that was read: shape and values.
pub type Stored = (Vec<usize>, Vec<f32>);

/// Values converted at a time on a big-endian machine.
const CHUNK: usize = 1 << 16;

/// Writes a safetensors file with this metadata and its checksum.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_tensors(
    out: &mut dyn Write,
    metadata: &[(&str, &str)],
    tensors: &[Outgoing<'_>],
) -> std::io::Result<()> {
    let heads = tensors.iter().map(|tensor| Head {
        name: tensor.name,
        shape: tensor.shape,
        digest: digest_values(tensor.values),
    });
    write_header(out, metadata, heads)?;
    tensors
        .iter()
        .try_for_each(|tensor| write_values(out, tensor.values))
}

/// A tensor's entry in the header.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The full name.
    pub name: &'a str,
    /// Sizes, outermost first.
    pub shape: &'a [usize],
    /// The [`digest_values`] of its values.
    pub digest: u128,
}

/// Writes the header of a safetensors file, with the checksum. The values follow in the same order.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_header<'a>(
    out: &mut dyn Write,
    metadata: &[(&str, &str)],
    tensors: impl Iterator<Item = Head<'a>>,
) -> std::io::Result<()> {
    let tensors: Vec<Head<'a>> = tensors.collect();
    let summed = tensors
        .iter()
        .map(|head| (head.name, head.shape, head.digest));
    let sum = checksum(metadata, summed);
    let sum = (CHECKSUM_KEY, &*sum);
    let texts = metadata
        .iter()
        .chain(std::iter::once(&sum))
        .map(|(key, text)| (key.to_string(), json!(text)));
    let mut header = Map::new();
    header.insert("__metadata__".into(), Value::Object(texts.collect()));
    let mut end = 0;
    for Head { name, shape, .. } in tensors {
        let begin = end;
        end += size_of::<f32>() * shape.iter().product::<usize>();
        header.insert(
            name.to_string(),
            json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}),
        );
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)
}

/// Writes values in little-endian order.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_values(out: &mut dyn Write, values: &[f32]) -> std::io::Result<()> {
    if cfg!(target_endian = "little") {
        return out.write_all(bytemuck::cast_slice(values));
    }
    values.chunks(CHUNK).try_for_each(|chunk| {
        let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
        out.write_all(&bytes)
    })
}

/// Every 32-bit float tensor of a safetensors file: shape and values, by name.
///
/// # Errors
/// A damaged file, a wrong checksum, a tensor of another type.
pub fn decode_tensors(bytes: &[u8]) -> anyhow::Result<BTreeMap<String, Stored>> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| anyhow::anyhow!("it is damaged ({error}); copy or train it again"))?;
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|error| anyhow::anyhow!("it is damaged ({error}); copy or train it again"))?;
    verify(&file, header.metadata().as_ref().unwrap_or(&HashMap::new()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        ensure!(
            view.dtype() == Dtype::F32,
            "the tensor {name} has the type {:?}, expected F32",
            view.dtype()
        );
        let values = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        tensors.insert(name.to_string(), (view.shape().to_vec(), values));
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safetensors_crate_reads_what_is_written() {
        let tensors = [
            Outgoing {
                name: "model.0.weight",
                shape: &[2, 1],
                values: &[1.5, -0.0],
            },
            Outgoing {
                name: "adam.m/model.0.weight",
                shape: &[],
                values: &[f32::MIN_POSITIVE],
            },
        ];
        let mut bytes = Vec::new();
        let metadata = [("kiln", "{\"a\": \"ü\"}"), ("kiln.checkpoint", "2")];
        write_tensors(&mut bytes, &metadata, &tensors).expect("written");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
        let texts = header.metadata().clone().expect("metadata");
        assert_eq!(texts["kiln"], "{\"a\": \"ü\"}");
        assert_eq!(texts["kiln.checkpoint"], "2");
        let read = decode_tensors(&bytes).expect("tensors");
        assert_eq!(read["model.0.weight"], (vec![2, 1], vec![1.5, -0.0]));
        assert_eq!(read["adam.m/model.0.weight"].1, [f32::MIN_POSITIVE]);
    }
}
