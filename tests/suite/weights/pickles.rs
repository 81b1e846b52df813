//! Pickles as PyTorch writes them, put together opcode by opcode, so that they can also be what PyTorch never writes.

use crate::support::arrays::zip;

/// Opcodes in a row.
#[derive(Clone, Default)]
pub struct Pickle(pub Vec<u8>);

impl Pickle {
    /// A pickle of protocol 2 with nothing in it.
    pub fn new() -> Pickle {
        Pickle(b"\x80\x02".to_vec())
    }

    pub fn op(mut self, bytes: &[u8]) -> Pickle {
        self.0.extend(bytes);
        self
    }

    pub fn text(self, text: &str) -> Pickle {
        self.op(b"X")
            .op(&(text.len() as u32).to_le_bytes())
            .op(text.as_bytes())
    }

    pub fn int(self, number: i64) -> Pickle {
        self.op(b"\x8a\x08").op(&number.to_le_bytes())
    }

    pub fn global(self, module: &str, name: &str) -> Pickle {
        self.op(b"c").op(format!("{module}\n{name}\n").as_bytes())
    }

    pub fn sizes(mut self, sizes: &[i64]) -> Pickle {
        self = self.op(b"(");
        for size in sizes {
            self = self.int(*size);
        }
        self.op(b"t")
    }

    /// A tensor of 32-bit floats.
    pub fn tensor(
        self,
        key: &str,
        count: i64,
        offset: i64,
        sizes: &[i64],
        strides: &[i64],
    ) -> Pickle {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text(key)
            .text("cpu")
            .int(count)
            .op(b"tQ")
            .int(offset)
            .sizes(sizes)
            .sizes(strides)
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    /// The bytes, with the last opcode.
    pub fn end(self) -> Vec<u8> {
        self.op(b".").0
    }

    /// A file of `torch.save` with this pickle.
    pub fn archive(self, storages: &[(&str, &[u8])]) -> Vec<u8> {
        let pickle = self.end();
        let names: Vec<String> = storages
            .iter()
            .map(|(key, _)| format!("a/data/{key}"))
            .collect();
        let mut members = vec![("a/data.pkl", &*pickle)];
        members.extend(
            names
                .iter()
                .map(|name| &**name)
                .zip(storages.iter().map(|(_, bytes)| *bytes)),
        );
        zip(&members, false)
    }
}

/// The little-endian bytes of 0, 1, 2, ...
pub fn counted(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|value| (value as f32).to_le_bytes())
        .collect()
}
