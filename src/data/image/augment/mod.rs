//! Augmentation: each sample is changed in another way in each epoch, as a function of (seed, epoch, sample) alone.
//!
//! An augmentation is one file here and one line of [`AUGMENTS`]. Drawn for a sample, it adds to a
//! [`Change`], which is then applied in one pass: steps on the whole image (blur, JPEG, tables
//! of grey levels), one bilinear warp by the product of all maps, and on each row of it, still in the
//! L1 cache, one colour matrix, noise, erasing and the scaling of the net's input. So a
//! sample is interpolated once and goes straight into the batch. Within a stage the table's order
//! counts (for maps Keras's: rotation, shift, shear, zoom, flips), not the order in the file.
//!
//! What mixes the samples of a batch comes last ([`Mix`]).

mod affine;
mod blur;
mod canvas;
mod change;
mod colour;
mod crop;
mod erasing;
mod fill;
mod finish;
mod flip;
mod jpeg;
mod keys;
mod matrix;
mod mix;
mod noise;
mod operation;
mod options;
mod path;
mod pipeline;
mod policy;
mod presets;
mod rotation;
mod sharpness;
mod shear;
mod shift;
mod tones;
mod warp;
mod zoom;

use crate::config::Member;
use crate::family;

pub use affine::Affine;
pub use change::{Change, Frame};
pub use fill::{Fill, FillMode};
pub use keys::{check_shape, schema};
pub use mix::Mix;
pub use operation::Augment;
pub use pipeline::{Augmentation, warp_levels};
pub use presets::Preset;

/// Every augmentation, in the order of application within a stage.
pub const AUGMENTS: &[Member<dyn Augment>] = family! { dyn Augment:
    "random_resized_crop" => crop::RandomResizedCrop,
    "pad_and_crop" => crop::PadAndCrop,
    "rotation" => rotation::Rotation,
    "width_shift" => shift::WidthShift,
    "height_shift" => shift::HeightShift,
    "shear" => shear::Shear,
    "zoom" => zoom::Zoom,
    "horizontal_flip" => flip::HorizontalFlip,
    "vertical_flip" => flip::VerticalFlip,
    "brightness" => colour::Brightness,
    "contrast" => colour::Contrast,
    "saturation" => colour::Saturation,
    "hue" => colour::Hue,
    "grayscale" => colour::Grayscale,
    "posterize" => tones::Posterize,
    "solarize" => tones::Solarize,
    "autocontrast" => tones::Autocontrast,
    "equalize" => tones::Equalize,
    "sharpness" => sharpness::Sharpness,
    "blur" => blur::Blur,
    "jpeg_quality" => jpeg::JpegQuality,
    "rand_augment" => policy::RandAugment,
    "trivial_augment" => policy::TrivialAugment,
    "gaussian_noise" => noise::GaussianNoise,
    "random_erasing" => erasing::RandomErasing,
};
