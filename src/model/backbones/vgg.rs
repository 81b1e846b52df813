//! VGG (Simonyan and Zisserman, 2014, arXiv 1409.1556).

use serde_json::json;

use super::choice::Choice;
use super::names::{Names, Scheme};
use super::parts::{Net, Part, Stage, dense, mean};

/// The convolutions of each block, and their channels.
const BLOCKS: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];

/// Height and width of the last image, as the classifier needs it.
const SIZE: usize = 7;

/// 16 layers, without batch normalisation.
pub fn vgg16(_: &Choice) -> Net {
    let (mut stages, mut place) = (Vec::new(), 0);
    for ((depth, channels), block) in BLOCKS.into_iter().zip(1..) {
        let mut parts = Vec::new();
        for number in 1..=depth {
            let layer = json!({"conv2d": {
                "filters": channels, "kernel": 3, "padding": 1, "weight_init": "he_normal_out",
            }});
            let names = Names::torch(format!("features.{place}"))
                .and(Scheme::Keras, format!("block{block}_conv{number}"));
            parts.extend([Part::named(layer, names), Part::plain(json!("relu"))]);
            place += 2;
        }
        parts.push(Part::plain(json!("max_pool2d")));
        place += 1;
        stages.push(Stage::new(format!("block{block}"), parts));
    }
    let normal = json!({"normal": {"std": 0.01}});
    let full = |units: usize, place: usize, timm: &str, keras: &str| {
        let names = Names::default()
            .and(Scheme::Torchvision, format!("classifier.{place}"))
            .and(Scheme::Timm, timm)
            .and(Scheme::Keras, keras);
        dense(units, &normal, names)
    };
    let mut first = full(4096, 0, "pre_logits.fc1", "fc1");
    first.names[0].flattened = Some([SIZE, SIZE, 512]);
    Net {
        stages,
        pool: vec![mean()],
        classifier: vec![
            Part::plain(json!({"adaptive_avg_pool2d": {"size": SIZE}})),
            Part::plain(json!("flatten")),
            first,
            Part::plain(json!("relu")),
            full(4096, 3, "pre_logits.fc2", "fc2"),
            Part::plain(json!("relu")),
            full(1000, 6, "head.fc", "predictions"),
        ],
    }
}
