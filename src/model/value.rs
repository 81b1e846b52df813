//! Conversions of values: flattened, cast, copied to the host.

use burn::tensor::{FloatDType, Tensor};

use crate::data::Value;

/// Flattens each sample to a row, `[batch, features]`; tokens become floats.
pub fn into_flat(value: Value) -> Tensor<2> {
    match value {
        Value::Image(x) => {
            let [batch, height, width, channels] = x.dims();
            x.reshape([batch, height * width * channels])
        }
        Value::Sequence(x) => {
            let [batch, length, features] = x.dims();
            x.reshape([batch, length * features])
        }
        Value::Flat(x) => x,
        Value::Tokens(x) => x.float(),
    }
}

/// Casts floats to another type; tokens stay. Gradients are cast back to the type of the input.
pub fn cast(value: Value, dtype: FloatDType) -> Value {
    match value {
        Value::Image(x) => Value::Image(x.cast(dtype)),
        Value::Sequence(x) => Value::Sequence(x.cast(dtype)),
        Value::Flat(x) => Value::Flat(x.cast(dtype)),
        Value::Tokens(x) => Value::Tokens(x),
    }
}

/// The numbers of a value on the host, sample after sample, as 32-bit floats.
pub fn flat_values(value: Value) -> Vec<f32> {
    host(into_flat(value).cast(FloatDType::F32))
}

/// Copies a 32-bit float tensor to the host.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_to_vec()
        .expect("the tensor holds 32-bit floats")
}
