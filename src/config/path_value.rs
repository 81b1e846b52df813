//! Path values of an experiment.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::console::read_path;

/// A path that an experiment gives; it need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathValue(pub PathBuf);

impl Deref for PathValue {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PathValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PathValue, D::Error> {
        read_path(from).map(PathValue)
    }
}

impl JsonSchema for PathValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PathValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        PathBuf::json_schema(generator)
    }
}
