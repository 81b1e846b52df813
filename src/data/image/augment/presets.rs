//! Presets: tables of augmentations under one name. A key beside the preset replaces the
//! preset's; `key = false` switches it off.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// A choice of augmentations under one name; keys beside it replace its own, `key = false` switches
/// one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// For images alike in size and place (digits, scans): small turns, shifts, zooms and tones.
    Light,
    /// For photographs: mirrored, turned, shifted and zoomed more, colours changed a little.
    Standard,
    /// For few photographs or many epochs: crops, colours, erasing.
    Strong,
}

impl Preset {
    /// The preset's keys. `light` mirrors nothing: digits and letters have a left and a right.
    pub fn table(self) -> BTreeMap<String, Value> {
        let table = match self {
            Preset::Light => json!({
                "rotation": 5,
                "width_shift": 0.05,
                "height_shift": 0.05,
                "zoom": 0.05,
                "brightness": 0.1,
                "contrast": 0.1,
                "fill": "nearest",
            }),
            Preset::Standard => json!({
                "rotation": 15,
                "width_shift": 0.1,
                "height_shift": 0.1,
                "shear": 5,
                "zoom": 0.15,
                "horizontal_flip": true,
                "brightness": 0.2,
                "contrast": 0.2,
                "saturation": 0.2,
                "fill": "reflect",
            }),
            Preset::Strong => json!({
                "random_resized_crop": {"scale": [0.3, 1.0]},
                "rotation": 20,
                "shear": 10,
                "horizontal_flip": true,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
                "hue": 18,
                "grayscale": 0.1,
                "random_erasing": {"probability": 0.25},
                "fill": "reflect",
            }),
        };
        match table {
            Value::Object(map) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        }
    }
}
