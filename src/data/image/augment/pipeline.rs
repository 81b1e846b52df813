//! The augmentation pipeline of an experiment.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::AUGMENTS;
use super::affine::Affine;
use super::canvas::Canvas;
use super::change::{Change, Frame, Spare};
use super::fill::Fill;
use super::finish::Finish;
use super::keys::{Views, check_keys};
use super::matrix::matrix;
use super::mix::Mix;
use super::operation::Augment;
use super::options::{is_off, options};
use super::presets::Preset;
use super::warp::{Untouched, warp};
use crate::config::{Fault, Path, read, read_options};
use crate::data::core::batch::Shape;
use crate::data::core::dataset::view_of;
use crate::data::core::random::{Purpose, Rng, hash_text};
use crate::data::image::decode::pixels::Pixels;
use crate::data::image::scale::Scale;

/// The augmentations of an experiment.
#[derive(Debug)]
pub struct Augmentation {
    steps: Vec<Step>,
    fill: Fill,
    mix: Mix,
    seed: u64,
    num_views: Option<u64>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    augment: Box<dyn Augment>,
    /// Named in the experiment, not by a preset.
    named: bool,
}

/// What a thread keeps from sample to sample, so that nothing is allocated.
#[derive(Default)]
pub struct Room {
    canvas: Canvas,
    image: Option<Pixels>,
    spare: Spare,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl Augmentation {
    /// Reads `[augment]`; `None` if it changes nothing.
    ///
    /// # Errors
    /// Unknown keys and impossible values.
    pub fn read(
        table: &BTreeMap<String, Value>,
        seed: u64,
    ) -> Result<Option<Augmentation>, Vec<Fault>> {
        let path = Path::parse("augment");
        check_keys(table, &path)?;
        let mut all = match table.get("preset").filter(|value| !is_off(value)) {
            Some(preset) => read::<Preset>(preset.clone(), &path.key("preset"))?.table(),
            None => BTreeMap::new(),
        };
        all.extend(
            table
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        all.retain(|_, value| !is_off(value));
        let mut steps = Vec::new();
        for member in AUGMENTS {
            if let Some(value) = all.get(member.name) {
                let options = options(value, &(member.schema)());
                steps.push(Step {
                    name: member.name,
                    augment: read_options(member, options, &path.key(member.name))?,
                    named: table.contains_key(member.name),
                });
            }
        }
        let fill = Fill::read(&all, &path)?;
        let mix = Mix::read(&all, seed, &path)?;
        let is_empty = steps.is_empty() && mix.is_empty();
        let views = all.get("views").cloned();
        let views = views.map(|views| read::<Views>(views, &path.key("views")));
        let num_views = views.transpose()?.map(|views| views.0);
        if num_views.is_some() && steps.is_empty() {
            let message = "is for augmented samples, but no augmentation changes them";
            let fault = Fault::new(path.key("views"), message).at_key();
            return Err(vec![fault.hint("remove the key")]);
        }
        Ok((!is_empty).then_some(Augmentation {
            steps,
            fill,
            mix,
            seed,
            num_views,
        }))
    }

    /// Checks the augmentations against the shape of the samples. What a preset brings along but
    /// grey images do not have (saturation, hue) is left out in silence; what the experiment names is
    /// a mistake.
    ///
    /// # Errors
    /// Augmentations of colours on images that have none; anything on what is no image.
    pub fn check(&self, shape: Shape) -> Result<(), Vec<Fault>> {
        let path = Path::parse("augment");
        self.mix.check(shape, &path)?;
        let faults: Vec<Fault> = self
            .steps
            .iter()
            .filter(|step| step.named)
            .filter_map(|step| {
                let fault = |message: &str| Fault::new(path.key(step.name), message).at_key();
                match shape {
                    Shape::Image { channels: 1, .. } if step.augment.needs_colour() => Some(
                        fault("changes colours, but the images are grey (1 channel)")
                            .hint("remove the key, or set data.channels = 3"),
                    ),
                    Shape::Image { .. } => None,
                    _ => Some(fault("is for images, which the samples are not")),
                }
            })
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// What is done to whole batches.
    pub fn mix(&self) -> Option<&Mix> {
        (!self.mix.is_empty()).then_some(&self.mix)
    }

    /// How many versions of a sample there are; `None` if each epoch has a new one.
    pub fn num_views(&self) -> Option<u64> {
        match self.steps.is_empty() {
            true => Some(1),
            false => self.num_views,
        }
    }

    /// What is done to one sample in one epoch.
    pub fn draw(&self, epoch: u64, sample: u64, frame: Frame) -> Change {
        let epoch = self.num_views.map_or(epoch, |views| view_of(epoch, views));
        let mut change = Change::default();
        for step in &self.steps {
            let address = [epoch, sample, hash_text(step.name)];
            let mut rng = Rng::new(self.seed, Purpose::Augment, &address);
            step.augment.draw(&mut rng, frame, &mut change);
        }
        change
    }

    /// Writes one sample as it is in one epoch, scaled, into `out`, `[height, width, channels]`.
    pub fn apply(&self, image: &Pixels, epoch: u64, sample: u64, scale: &Scale, out: &mut [f32]) {
        let frame = Frame {
            height: image.height,
            width: image.width,
        };
        let change = self.draw(epoch, sample, frame);
        ROOM.with_borrow_mut(|room| {
            let image = match change.image_steps.as_slice() {
                [] => image,
                steps => {
                    let copy = room.image.get_or_insert_with(|| image.clone());
                    copy.clone_from(image);
                    for step in steps {
                        step.run(copy, &mut room.spare);
                    }
                    copy
                }
            };
            let colour = match change.colours.as_slice() {
                [] => None,
                steps => Some(matrix(steps, image)),
            };
            let finish = Finish::new(&change, colour, scale, image.channels);
            room.canvas.set(image, self.fill);
            warp(&mut room.canvas, &change.map, self.fill, &finish, out);
        });
    }
}

/// Warps an image by `map` (output to input, about the centre) into `out`, `[height, width,
/// channels]` of the image's own size: grey levels, nothing else done to them.
pub fn warp_levels(image: &Pixels, map: &Affine, fill: Fill, out: &mut [f32]) {
    ROOM.with_borrow_mut(|room| {
        room.canvas.set(image, fill);
        warp(&mut room.canvas, map, fill, &Untouched, out);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::augment::fill::FillMode;
    use crate::data::image::augment::keys::{self, check_shape};
    use serde_json::json;

    const FRAME: Frame = Frame {
        height: 10,
        width: 10,
    };

    fn read(json: Value) -> Option<Augmentation> {
        let table = serde_json::from_value(json).expect("a table");
        Augmentation::read(&table, 1).expect("a valid table")
    }

    fn faults(json: Value) -> String {
        let table = serde_json::from_value(json).expect("a table");
        let faults = Augmentation::read(&table, 1).expect_err("a fault");
        faults.iter().map(ToString::to_string).collect()
    }

    /// Every key at some value.
    fn everything() -> Value {
        json!({
            "random_resized_crop": true, "pad_and_crop": 4, "rotation": 40, "width_shift": 0.2,
            "height_shift": 0.2, "shear": 20, "zoom": 0.2, "horizontal_flip": true,
            "vertical_flip": true, "brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 30,
            "grayscale": 0.2, "posterize": 3, "solarize": 100, "autocontrast": 0.5, "equalize": 0.5,
            "sharpness": 1, "blur": 2, "jpeg_quality": 30, "rand_augment": {"num_ops": 3},
            "trivial_augment": true, "gaussian_noise": 10, "random_erasing": {"probability": 1},
            "fill": "reflect",
        })
    }

    #[test]
    fn every_epoch_and_sample_has_its_own_change() {
        let augmentation = read(json!({"rotation": 40, "zoom": 0.2})).expect("not empty");
        let draw = |epoch, sample| augmentation.draw(epoch, sample, FRAME).map;
        assert_eq!(draw(0, 5), draw(0, 5));
        assert_ne!(draw(0, 5), draw(1, 5));
        assert_ne!(draw(0, 5), draw(0, 6));
    }

    #[test]
    fn one_more_augmentation_leaves_the_others_as_they_were() {
        let alone = read(json!({"rotation": 40})).expect("not empty");
        let both = read(json!({"rotation": 40, "brightness": 0.5, "blur": 3})).expect("not empty");
        let map = |augmentation: &Augmentation| augmentation.draw(3, 4, FRAME).map;
        assert_eq!(map(&alone), map(&both));
    }

    #[test]
    fn an_empty_table_augments_nothing() {
        assert!(read(json!({})).is_none());
        assert!(read(json!({"horizontal_flip": false, "fill": "wrap"})).is_none());
        assert!(read(json!({"rotation": false, "preset": false})).is_none());
    }

    #[test]
    fn boxes_can_be_cut_out_of_images_only() {
        let mix = read(json!({"mixup": true, "cutmix": true})).expect("not empty");
        assert!(mix.mix().is_some() && mix.steps.is_empty());
        let flat = Shape::Flat { features: 4 };
        let faults = mix.check(flat).expect_err("a fault");
        assert!(
            faults[0].to_string().starts_with("augment.cutmix"),
            "{}",
            faults[0]
        );
        // Tables are never mixed: a key that is accepted must do something.
        let mixup = read(json!({"mixup": {"alpha": 0.4}})).expect("not empty");
        let faults = mixup.check(flat).expect_err("a fault");
        assert!(
            faults[0]
                .to_string()
                .starts_with("augment.mixup is for images")
        );
    }

    #[test]
    fn keys_that_change_nothing_are_faults() {
        let message = |json: Value, shape| -> Vec<String> {
            let table = serde_json::from_value(json).expect("a table");
            let faults = check_shape(&table, shape).err().unwrap_or_default();
            faults.iter().map(|fault| fault.path.to_string()).collect()
        };
        let image = Shape::Image {
            height: 9,
            width: 9,
            channels: 3,
        };
        for shape in [
            Shape::Flat { features: 4 },
            Shape::Tokens {
                length: 2,
                vocabulary: 9,
            },
        ] {
            for (key, _) in keys::keys() {
                let expected = format!("augment.{key}");
                assert_eq!(message(json!({ (key.as_str()): true }), shape), [expected]);
                assert!(
                    message(json!({ (key.as_str()): false }), shape).is_empty(),
                    "{key}"
                );
            }
        }
        assert!(message(everything(), image).is_empty());
        assert_eq!(
            message(json!({"fill": "wrap", "horizontal_flip": true}), image),
            ["augment.fill"]
        );
        assert_eq!(
            message(json!({"fill": "wrap", "fill_value": 3, "zoom": 0.1}), image),
            ["augment.fill_value"]
        );
        for json in [
            json!({"fill": "constant", "fill_value": 3, "rotation": 4}),
            json!({"preset": "light", "fill": "wrap"}),
            json!({"rand_augment": true, "fill": "wrap"}),
        ] {
            assert!(message(json.clone(), image).is_empty(), "{json}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = faults(json!({"rotatoin": 40}));
        assert!(unknown.contains("did you mean `rotation`"), "{unknown}");
        let range = faults(json!({"random_erasing": {"probability": 2}}));
        assert!(
            range.contains("augment.random_erasing.probability is 2"),
            "{range}"
        );
        let preset = faults(json!({"preset": "heavy"}));
        assert!(
            preset.contains("\"light\", \"standard\", \"strong\""),
            "{preset}"
        );
    }

    #[test]
    fn a_key_beside_a_preset_replaces_the_presets() {
        let names = |augmentation: &Augmentation| -> Vec<&str> {
            augmentation.steps.iter().map(|step| step.name).collect()
        };
        let standard = read(json!({"preset": "standard"})).expect("not empty");
        assert!(names(&standard).contains(&"saturation"));
        assert_eq!(standard.fill.mode, FillMode::Reflect);
        let other =
            read(json!({"preset": "standard", "rotation": 90, "zoom": false, "fill": "wrap"}));
        let other = other.expect("not empty");
        assert!(!names(&other).contains(&"zoom"));
        assert_eq!(other.fill.mode, FillMode::Wrap);
        let step = other.steps.iter().find(|step| step.name == "rotation");
        assert_eq!(
            format!("{:?}", step.expect("there").augment),
            "Rotation(90.0)"
        );
    }

    #[test]
    fn grey_images_are_no_place_for_hues_that_were_asked_for() {
        let shape = |channels| Shape::Image {
            height: 9,
            width: 9,
            channels,
        };
        let named = read(json!({"preset": "strong", "hue": 10})).expect("not empty");
        named.check(shape(3)).expect("colours");
        let faults = named.check(shape(1)).expect_err("a fault");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0]
                .to_string()
                .starts_with("augment.hue changes colours")
        );
        let preset = read(json!({"preset": "strong"})).expect("not empty");
        preset.check(shape(1)).expect("a preset fits all images");
    }

    #[test]
    fn everything_at_once_stays_in_range_on_any_image() {
        let augmentation = read(everything()).expect("not empty");
        assert_eq!(
            augmentation.steps.len(),
            AUGMENTS.len(),
            "no key is forgotten here"
        );
        for (height, width, channels) in
            [(1, 1, 1), (1, 7, 3), (17, 2, 3), (31, 40, 1), (31, 40, 3)]
        {
            let level = |i: usize| (i * 37 % 256) as u8;
            let image = Pixels {
                width,
                height,
                channels,
                bytes: (0..height * width * channels).map(level).collect(),
            };
            let write = |epoch| {
                let mut out = vec![f32::NAN; image.bytes.len()];
                let scale = Scale::identity(channels);
                augmentation.apply(&image, epoch, 1, &scale, &mut out);
                out
            };
            for epoch in 0..30 {
                let out = write(epoch);
                assert!(
                    out.iter().all(|level| (0.0..=255.0).contains(level)),
                    "{out:?}"
                );
                assert_eq!(out, write(epoch));
            }
        }
    }
}
