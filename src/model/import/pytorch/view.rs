//! Tensors as a pickle of PyTorch has them: views of storages.

use super::super::error::shown_name;
use super::super::number_type::NumberType;
use super::super::pickle::value::{Heap, Id, Value};
use super::super::shape::checked_shape;
use super::super::tensor::MAX_RANK;
use super::super::unread::Unread;

/// Calls within calls (a parameter of a subclass of a tensor) that are followed.
const MAX_DEPTH: usize = 8;
/// The most bytes of a storage's key, which is a number.
const MAX_KEY: usize = 64;
/// An expanded tensor (a stride of 0) may have so many values though its storage has fewer.
const MAX_EXPANDED: usize = 1 << 22;

/// A part of a storage, as `torch.as_strided` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The storage's key.
    pub storage: String,
    /// The type of its numbers.
    pub dtype: NumberType,
    /// The first value, counted in values.
    pub offset: u64,
    /// The sizes.
    pub shape: Vec<usize>,
    /// Steps from one value to the next in each dimension, counted in values.
    strides: Vec<usize>,
    /// How many values there are.
    count: usize,
    /// How many values of the storage lie from its first to its last; 0 where there is none.
    pub span: u64,
}

/// Reads a value as a tensor: `None` where it is none at all.
///
/// # Errors
/// A tensor in a form that is not read, or an object that may be one.
pub fn read_view(heap: &Heap, id: Id) -> Result<Option<View>, Unread> {
    match heap.get(id) {
        Value::Object(object) => read_call(heap, object.class, object.args, MAX_DEPTH),
        Value::Persistent(_) => Err(Unread::NoShape),
        _ => Ok(None),
    }
}

/// The tensor that a call of `class` with `args` would make.
fn read_call(heap: &Heap, class: Id, args: Id, depth: usize) -> Result<Option<View>, Unread> {
    let Some((module, name)) = heap.global(class) else {
        return Ok(None);
    };
    let Value::Tuple(args) = heap.get(args) else {
        return Ok(None);
    };
    let inner = |at: usize| match args.get(at).map(|id| heap.get(*id)) {
        Some(Value::Object(object)) if depth > 0 => {
            let tensor = read_call(heap, object.class, object.args, depth - 1)?;
            let (module, name) = heap.global(object.class).unwrap_or_default();
            let class = || shown_name(&format!("{module}.{name}"));
            let tensor = tensor.ok_or_else(|| Unread::MadeOf(class()));
            tensor.map(Some)
        }
        _ => Err(Unread::NoTensor),
    };
    match (module, name) {
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
            read_tensor(heap, args, None).map(Some)
        }
        ("torch._utils", "_rebuild_tensor_v3") => {
            let dtype = args.get(6).and_then(|id| heap.global(*id));
            let dtype = dtype.map_or("unknown", |(_, name)| name);
            read_tensor(heap, args, Some(dtype)).map(Some)
        }
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => inner(0),
        ("torch.nn.parameter", "Parameter" | "Buffer") => inner(0),
        ("torch._tensor", "_rebuild_from_type_v2") => match args[..] {
            [class, _, args, ..] if depth > 0 => read_call(heap, class, args, depth - 1),
            _ => Err(Unread::Subclass),
        },
        ("torch._utils", name) if name.starts_with("_rebuild") => {
            Err(Unread::Rebuilt(shown_name(name)))
        }
        _ => Ok(None),
    }
}

/// Reads storage, offset, size and strides.
fn read_tensor(heap: &Heap, args: &[Id], dtype: Option<&str>) -> Result<View, Unread> {
    let damaged = || Unread::View;
    let [storage, offset, size, stride, ..] = *args else {
        return Err(damaged());
    };
    let storage = read_storage(heap, storage).ok_or_else(damaged)?;
    let dtype = dtype.unwrap_or(&storage.kind);
    let dtype = number_type(dtype).ok_or_else(|| Unread::NumberType(shown_name(dtype)))?;
    let offset = heap.size(offset).ok_or_else(damaged)?;
    let offset = offset.checked_add(storage.offset).ok_or_else(damaged)?;
    let numbers = |id: Id| -> Option<Vec<u64>> {
        let items = heap.items(id)?;
        let items = items.get(..items.len().min(MAX_RANK + 1))?.iter();
        items.map(|item| heap.size(*item)).collect()
    };
    let (sizes, strides) = numbers(size).zip(numbers(stride)).ok_or_else(damaged)?;
    if sizes.len() != strides.len() {
        return Err(damaged());
    }
    let (shape, count) = checked_shape(&sizes)?;
    let beyond = || Unread::Beyond;
    let mut span = u64::from(count > 0);
    let mut used = Vec::new();
    for (size, stride) in sizes.iter().zip(&strides) {
        // Strides of one value or none may be anything, and are not used.
        let stride = if *size <= 1 || count == 0 { 0 } else { *stride };
        let step = stride.checked_mul(size.saturating_sub(1));
        span = step
            .and_then(|step| span.checked_add(step))
            .ok_or_else(beyond)?;
        used.push(usize::try_from(stride).map_err(|_| beyond())?);
    }
    Ok(View {
        storage: storage.key,
        dtype,
        offset,
        shape,
        strides: used,
        count,
        span,
    })
}

/// What a pickle says of a storage.
struct StorageInfo {
    key: String,
    /// The name of its class without `Storage`, as `Float`.
    kind: String,
    /// The storage is a part of one that begins so many values before it.
    offset: u64,
}

/// The storage that a persistent id names: `('storage', class, key, location, count)`; before PyTorch 1.6 with
/// `(key, offset, count)` of the part of the storage, or `None`, at the end.
fn read_storage(heap: &Heap, id: Id) -> Option<StorageInfo> {
    let Value::Persistent(id) = heap.get(id) else {
        return None;
    };
    let items = heap.items(*id)?;
    let [tag, class, key, _location, _count, ..] = items[..] else {
        return None;
    };
    let (_, class) = heap.global(class)?;
    let part = items.get(5).and_then(|part| heap.items(*part));
    let offset = part.map_or(Some(0), |part| heap.size(*part.get(1)?))?;
    let key = heap.text(key).filter(|key| key.len() <= MAX_KEY)?;
    if heap.text(tag) != Some("storage") {
        return None;
    }
    let kind = class.strip_suffix("Storage").unwrap_or(class);
    Some(StorageInfo {
        key: key.to_string(),
        kind: kind.to_string(),
        offset,
    })
}

/// Every storage that a pickle names, with the bytes of one of its values.
pub fn storage_widths(heap: &Heap) -> impl Iterator<Item = (String, u64)> {
    heap.ids().filter_map(|id| {
        let storage = read_storage(heap, id)?;
        let width = number_type(&storage.kind).map_or(1, NumberType::width);
        let width = match &*storage.kind {
            "ComplexDouble" => 16,
            "ComplexFloat" => 8,
            "QInt32" => 4,
            _ => width,
        };
        Some((storage.key, width as u64))
    })
}

/// The type of that name: of a storage's class, or of a `torch.dtype`.
fn number_type(name: &str) -> Option<NumberType> {
    Some(match name {
        "Double" | "float64" => NumberType::F64,
        "Float" | "float32" => NumberType::F32,
        "Half" | "float16" => NumberType::F16,
        "BFloat16" | "bfloat16" => NumberType::Bf16,
        "Long" | "int64" => NumberType::I64,
        "Int" | "int32" => NumberType::I32,
        "Short" | "int16" => NumberType::I16,
        "Char" | "int8" => NumberType::I8,
        "uint64" => NumberType::U64,
        "uint32" => NumberType::U32,
        "uint16" => NumberType::U16,
        "Byte" | "uint8" => NumberType::U8,
        "Bool" | "bool" => NumberType::Bool,
        _ => return None,
    })
}

impl View {
    /// Checks the view against what its storage has, before room is made for its values.
    ///
    /// # Errors
    /// A view that goes beyond its storage, or has far more values than it.
    pub fn check(&self, storage_bytes: u64) -> Result<(), Unread> {
        let has = storage_bytes / self.dtype.width() as u64;
        if self
            .offset
            .checked_add(self.span)
            .is_none_or(|end| end > has)
        {
            return Err(Unread::BeyondStorage(has));
        }
        if self.count as u64 > has && self.count > MAX_EXPANDED {
            return Err(Unread::Expanded {
                count: self.count,
                has,
            });
        }
        Ok(())
    }

    /// The view's values row by row, from those of its [`span`](View::span).
    pub fn gather(&self, span: Vec<f32>) -> Vec<f32> {
        if self.is_contiguous() {
            return span;
        }
        let mut values = Vec::with_capacity(self.count);
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..self.count {
            values.push(span[at]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        values
    }

    fn is_contiguous(&self) -> bool {
        let mut step = 1;
        for (size, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *size != 1 && *stride != step {
                return false;
            }
            step *= size;
        }
        true
    }
}
