//! Augmentation: each sample is changed anew in each epoch, as a function of (seed, epoch,
//! sample) alone.
//!
//! All geometric changes of a sample are multiplied into one affine map and applied in one
//! bilinear warp, so that a sample is interpolated once. An augmentation is one file here and one
//! line of [`AUGMENTS`]; the table's order is the order in which the maps are multiplied (Keras's:
//! rotation, shift, shear, zoom, flips), whatever the order in the file.

mod affine;
mod fill;
mod finish;
mod flip;
mod rotation;
mod shear;
mod shift;
mod warp;
mod zoom;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::Value;

use crate::config::{Fault, Member, Path, read_options, schema_of, unknown_key, validate};
use crate::family;

pub use affine::Affine;
pub use fill::{Fill, FillMode};

use finish::Finish;
use warp::{Canvas, warp};

use super::decode::Pixels;
use super::preprocess::Scale;
use super::random::{Purpose, Rng, hash_text};

/// One geometric augmentation.
pub trait Augment: Debug + Send + Sync {
    /// A random map from output to input pixels, `(row, column)` measured from the centre of a
    /// picture of `height` x `width` pixels.
    fn draw(&self, rng: &mut Rng, height: usize, width: usize) -> Affine;
}

/// Every augmentation, in the order of application.
pub const AUGMENTS: &[Member<dyn Augment>] = family! { dyn Augment:
    "rotation" => rotation::Rotation,
    "width_shift" => shift::WidthShift,
    "height_shift" => shift::HeightShift,
    "shear" => shear::Shear,
    "zoom" => zoom::Zoom,
    "horizontal_flip" => flip::HorizontalFlip,
    "vertical_flip" => flip::VerticalFlip,
};

thread_local! {
    /// Kept from sample to sample, so that nothing is allocated.
    static CANVAS: RefCell<Canvas> = RefCell::default();
}

/// The augmentations of an experiment.
#[derive(Debug)]
pub struct Augmentation {
    steps: Vec<(u64, Box<dyn Augment>)>,
    fill: Fill,
    seed: u64,
}

impl Augmentation {
    /// Reads `[augment]`; `None` where it is empty.
    ///
    /// # Errors
    /// Unknown keys and impossible values.
    pub fn read(
        table: &BTreeMap<String, Value>,
        seed: u64,
    ) -> Result<Option<Augmentation>, Vec<Fault>> {
        let path = Path::parse("augment");
        let mut faults = Vec::new();
        let known = schema();
        let known = known["properties"].as_object().cloned().unwrap_or_default();
        for (key, value) in table {
            match known.get(key) {
                Some(expected) => faults.extend(validate(value, expected, &path.key(key))),
                None => faults.push(unknown_key(key, &known, &path)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut steps = Vec::new();
        for member in AUGMENTS {
            let switched_off = [Some(&Value::Bool(false)), None];
            let Some(value) = table
                .get(member.name)
                .filter(|v| !switched_off.contains(&Some(v)))
            else {
                continue;
            };
            let step = read_options(member, value.clone(), &path.key(member.name))?;
            steps.push((hash_text(member.name), step));
        }
        let fill = Fill::read(table, &path)?;
        Ok((!steps.is_empty()).then_some(Augmentation { steps, fill, seed }))
    }

    /// The map of one sample in one epoch.
    pub fn draw(&self, epoch: u64, sample: u64, height: usize, width: usize) -> Affine {
        self.steps
            .iter()
            .fold(Affine::IDENTITY, |map, (name, step)| {
                let mut rng = Rng::new(self.seed, Purpose::Augment, &[epoch, sample, *name]);
                map.then(step.draw(&mut rng, height, width))
            })
    }

    /// Writes one sample as it is in one epoch, scaled, into `out`, `[height, width, channels]`.
    pub fn apply(&self, picture: &Pixels, epoch: u64, sample: u64, scale: &Scale, out: &mut [f32]) {
        let map = self.draw(epoch, sample, picture.height, picture.width);
        let finish = Finish::new(scale, picture.channels);
        CANVAS.with_borrow_mut(|canvas| {
            canvas.set(picture, self.fill);
            warp(canvas, &map, self.fill, &finish, out);
        });
    }
}

/// Warps a picture by `map` (output to input, about the centre) into `out`, `[height, width,
/// channels]` of the picture's own size: grey levels, nothing else done to them.
pub fn warp_levels(picture: &Pixels, map: &Affine, fill: Fill, out: &mut [f32]) {
    CANVAS.with_borrow_mut(|canvas| {
        canvas.set(picture, fill);
        warp(canvas, map, fill, &warp::Untouched, out);
    });
}

/// The JSON schema of `[augment]`.
pub fn schema() -> Value {
    let mut properties: serde_json::Map<String, Value> = AUGMENTS
        .iter()
        .map(|member| (member.name.to_string(), (member.schema)()))
        .collect();
    properties.insert("fill".into(), schema_of::<FillMode>());
    properties.insert("fill_value".into(), schema_of::<fill::FillValue>());
    serde_json::json!({
        "type": "object",
        "description": "What is done to training samples only, drawn anew each epoch.",
        "properties": properties,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> Option<Augmentation> {
        let table = serde_json::from_value(json).expect("a table");
        Augmentation::read(&table, 1).expect("a valid table")
    }

    #[test]
    fn every_epoch_and_sample_has_its_own_map() {
        let augmentation = read(json!({"rotation": 40, "zoom": 0.2})).expect("not empty");
        let draw = |epoch, sample| augmentation.draw(epoch, sample, 10, 10);
        assert_eq!(draw(0, 5), draw(0, 5));
        assert_ne!(draw(0, 5), draw(1, 5));
        assert_ne!(draw(0, 5), draw(0, 6));
    }

    #[test]
    fn one_more_augmentation_leaves_the_others_as_they_were() {
        let alone = read(json!({"rotation": 40})).expect("not empty");
        let mut table = BTreeMap::from([("rotation".to_string(), json!(40))]);
        table.insert("horizontal_flip".into(), json!(false));
        let both = Augmentation::read(&table, 1)
            .expect("valid")
            .expect("not empty");
        assert_eq!(alone.draw(3, 4, 9, 9), both.draw(3, 4, 9, 9));
    }

    #[test]
    fn an_empty_table_augments_nothing() {
        assert!(read(json!({})).is_none());
        assert!(read(json!({"horizontal_flip": false, "fill": "wrap"})).is_none());
    }

    #[test]
    fn names_the_unknown_key() {
        let table = BTreeMap::from([("rotatoin".to_string(), json!(40))]);
        let faults = Augmentation::read(&table, 1).expect_err("a fault");
        assert!(
            faults[0].to_string().contains("did you mean `rotation`"),
            "{}",
            faults[0]
        );
    }
}
