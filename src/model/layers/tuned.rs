//! Keys that every layer has: whether it is trained, from which epoch on, and at which rate.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::{Path, Spec, schema_of};
use crate::data::Shape;
use crate::model::graph::{Layer, LayerReader, Mismatch, Planned};
use crate::model::tuning::{Frozen, Tuning};

/// How a layer is trained.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct TuningOptions {
    /// Whether the layer stays as it is: its parameters are not trained, and it runs as in evaluation (batch
    /// normalisation by its stored statistics, no dropout).
    #[serde(default)]
    pub freeze: Option<bool>,
    /// From when on a frozen layer is trained; by itself it freezes the layer until then.
    #[serde(default)]
    pub unfreeze: Option<Unfreeze>,
    /// The learning rate of the layer's parameters is multiplied by it.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub rate_scale: f64,
}

/// From when on a frozen layer is trained.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unfreeze {
    /// The first epoch that trains it, counted from 1.
    #[schemars(range(min = 2))]
    pub epoch: u64,
    /// The learning rate of its parameters is multiplied by it.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub rate_scale: f64,
    /// Whether batch normalisations within the layer are trained as well; otherwise they keep their statistics, gamma
    /// and beta, which few samples would spoil.
    #[serde(default)]
    pub batch_norm: bool,
}

fn one() -> f64 {
    1.0
}

impl TuningOptions {
    /// What they say.
    ///
    /// # Errors
    /// A layer that is never frozen but unfrozen.
    pub fn tuning(&self) -> Result<Tuning, serde_json::Error> {
        let frozen = match (self.freeze, self.unfreeze) {
            (Some(false), Some(_)) => {
                let message = "unfreeze is for a frozen layer, but freeze is false";
                return Err(serde_json::Error::custom(message));
            }
            (_, Some(unfreeze)) => Frozen::Before(unfreeze.epoch - 1),
            (Some(true), None) => Frozen::Always,
            (Some(false) | None, None) => Frozen::Never,
        };
        Ok(Tuning {
            frozen,
            rate_scale: self.rate_scale * self.unfreeze.map_or(1.0, |unfreeze| unfreeze.rate_scale),
            thaws_norms: self.unfreeze.is_none_or(|unfreeze| unfreeze.batch_norm),
        })
    }
}

/// The keys of [`TuningOptions`] with their schemas: every layer that is read asks for them.
static TUNING_KEYS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut schema = schema_of::<TuningOptions>();
    match schema["properties"].take() {
        Value::Object(keys) => keys,
        _ => Map::new(),
    }
});

/// The schema of a layer with the keys that every layer has. A layer that declares one of them itself keeps its own.
pub fn tuned_schema<T: JsonSchema>() -> Value {
    let mut schema = schema_of::<T>();
    if let Some(table) = schema.as_object_mut() {
        let own = table
            .entry("properties")
            .or_insert_with(|| Map::new().into());
        for (key, option) in TUNING_KEYS.iter() {
            if own.get(key).is_none() {
                own[key] = option.clone();
            }
        }
    }
    schema
}

/// Reads a layer and the keys that every layer has.
///
/// # Errors
/// Options that do not fit.
pub fn read_tuned<T: Layer + JsonSchema + DeserializeOwned + 'static>(
    mut options: Value,
) -> Result<Box<dyn Layer>, serde_json::Error> {
    let mut tuning = Map::new();
    let is_given = |key: &String| options.get(key).is_some();
    if TUNING_KEYS.keys().any(is_given)
        && let Some(table) = options.as_object_mut()
    {
        let own = schema_of::<T>();
        for key in TUNING_KEYS.keys() {
            if own["properties"].get(key).is_none() {
                tuning.extend(table.remove_entry(key));
            }
        }
    }
    let layer = serde_json::from_value::<T>(options)?;
    if tuning.is_empty() {
        return Ok(Box::new(layer));
    }
    let options: TuningOptions = serde_json::from_value(tuning.into())?;
    Ok(Box::new(Tuned {
        layer: Box::new(layer),
        tuning: options.tuning()?,
    }))
}

/// A layer that says how it is trained.
#[derive(Debug)]
struct Tuned {
    layer: Box<dyn Layer>,
    tuning: Tuning,
}

impl Layer for Tuned {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let reader = reader.within(self.tuning);
        let planned = self.layer.plan(input, reader)?;
        Ok(planned.tuned(reader.tuning()))
    }

    fn described(&self) -> Vec<(Path, &Spec)> {
        self.layer.described()
    }

    fn reversed(&self) -> Option<Box<dyn Layer>> {
        let tuning = self.tuning;
        let layer = self.layer.reversed()?;
        Some(Box::new(Tuned { layer, tuning }))
    }
}
