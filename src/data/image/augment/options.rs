//! Reading the options of one augmentation.

use serde_json::{Value, json};

/// Whether a value switches its key off.
pub fn is_off(value: &Value) -> bool {
    *value == Value::Bool(false)
}

/// The options of a member: `true` stands for all its defaults where it has some.
pub fn options(value: &Value, schema: &Value) -> Value {
    if *value == Value::Bool(true) && schema["type"] == "object" {
        return json!({});
    }
    value.clone()
}
