//! A loss for each head of a net; training minimizes their weighted sum.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use burn::tensor::{Int, Tensor};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::loss::Loss;
use super::mismatch::{LossMismatch, TargetKind};
use super::single_target::SINGLE_TARGET_LOSSES;
use crate::config::{Path, Spec, read_member};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// By the head's name, its loss, or `{ loss = ..., weight = 0.5 }` (Keras's `loss` and `loss_weights`). What
/// training lowers is the sum of them, each times its weight.
///
/// Numbers are scaled to a deviation of 1 (`data.scale_target`), so that weights of 1 are a sound beginning.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, HeadOptions>")]
#[schemars(with = "BTreeMap<String, HeadOptions>")]
pub struct PerHead {
    heads: Vec<HeadLoss>,
    /// In the order of the data's targets, once they are known.
    places: Vec<Place>,
}

/// The name of the loss.
pub const NAME: &str = "per_head";

/// The losses within its options at `path`, if they can be read.
pub fn described(options: &Value, path: &Path) -> Vec<(Path, Spec)> {
    let heads = options.as_object().into_iter().flatten();
    let losses = heads.filter_map(|(head, options)| {
        let at = path.key(head);
        let (at, loss) = match options.get("loss") {
            Some(loss) => (at.key("loss"), loss),
            None => (at, options),
        };
        Some((at, serde_json::from_value(loss.clone()).ok()?))
    });
    losses.collect()
}

/// The loss of a head.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum HeadOptions {
    /// With its weight in the sum.
    Weighted(Weighted),
    /// Alone.
    Plain(Spec),
}

/// A loss with its weight in the sum.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Weighted {
    /// The loss.
    loss: Spec,
    /// Its share in the sum.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    weight: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug)]
struct HeadLoss {
    name: String,
    loss: Box<dyn Loss>,
    weight: f64,
}

/// The place of a head in rows of logits and targets.
#[derive(Clone, Debug)]
struct Place {
    /// In `heads`.
    loss: usize,
    /// In a row of logits.
    logits: Range<usize>,
    /// In a row of targets.
    targets: Range<usize>,
    /// What the targets are.
    kind: TargetKind,
}

/// A head whose loss cannot be read.
#[derive(Debug)]
struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<BTreeMap<String, HeadOptions>> for PerHead {
    type Error = Unreadable;

    fn try_from(options: BTreeMap<String, HeadOptions>) -> Result<PerHead, Unreadable> {
        let heads = options.into_iter().map(|(name, options)| {
            let (spec, weight) = match options {
                HeadOptions::Weighted(Weighted { loss, weight }) => (loss, weight),
                HeadOptions::Plain(loss) => (loss, 1.0),
            };
            if weight < 0.0 {
                let message = format!("{name}.weight is {weight}, expected a number of at least 0");
                return Err(Unreadable(message));
            }
            let loss = read_member(
                SINGLE_TARGET_LOSSES,
                "loss",
                &spec,
                &Path::default().key(&name),
            )
            .map_err(|faults| {
                let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
                Unreadable(words.join("; "))
            })?;
            Ok(HeadLoss { name, loss, weight })
        });
        Ok(PerHead {
            heads: heads.collect::<Result<_, _>>()?,
            places: Vec::new(),
        })
    }
}

impl PerHead {
    /// Checks that every head of the net and of the loss is a target of the data.
    fn check_names(&self, outputs: &[(&str, usize)], task: &Task) -> Result<(), LossMismatch> {
        let nets = outputs.iter().map(|(name, _)| ("model.heads", *name));
        let own = self.heads.iter();
        let own = own.map(|head| ("train.loss.per_head", &*head.name));
        let known = |name: &str| task.heads().iter().any(|head| head.name == name);
        match nets.chain(own).find(|(_, name)| !known(name)) {
            Some((table, extra)) => Err(LossMismatch::UnknownHead {
                table,
                head: extra.to_string(),
                targets: task.heads().iter().map(|head| head.name.clone()).collect(),
            }),
            None => Ok(()),
        }
    }

    /// Calls `each` with every head's loss, weight, logits and target.
    fn each<T>(
        &self,
        logits: &Tensor<2>,
        mut each: impl FnMut(&HeadLoss, Tensor<2>, &Place) -> T,
    ) -> Vec<T> {
        let places = self.places.iter();
        let results = places.map(|place| {
            let range = place.logits.clone();
            let own = logits.clone().narrow(1, range.start, range.len());
            each(&self.heads[place.loss], own, place)
        });
        results.collect()
    }
}

/// A head's part of the targets.
fn target_of(target: &Target, place: &Place) -> Target {
    let rows = match target {
        Target::Real(rows) | Target::Multi(rows) | Target::Soft(rows) => rows.clone(),
        Target::Class(classes) => classes.clone().float().unsqueeze_dim(1),
    };
    let own = rows.narrow(1, place.targets.start, place.targets.len());
    match place.kind {
        TargetKind::Classes => {
            let classes: Tensor<1, Int> = own.squeeze_dim::<1>(1).int();
            Target::Class(classes)
        }
        TargetKind::Labels => Target::Multi(own),
        TargetKind::Numbers => Target::Real(own),
    }
}

impl Loss for PerHead {
    fn check(&self, _: usize, task: &Task) -> Result<(), LossMismatch> {
        if task.heads().is_empty() {
            return Err(LossMismatch::OneTarget {
                found: task.what().to_string(),
                names: task.names().into_iter().map(str::to_string).collect(),
            });
        }
        Err(LossMismatch::NoHeads)
    }

    fn check_heads(&mut self, outputs: &[(&str, usize)], task: &Task) -> Result<(), LossMismatch> {
        self.check_names(outputs, task)?;
        let (mut places, mut first) = (Vec::new(), 0);
        for head in task.heads() {
            let name = &*head.name;
            let before = outputs.iter().take_while(|(other, _)| *other != name);
            let begin: usize = before.map(|(_, width)| width).sum();
            let output = outputs.iter().find(|(other, _)| *other == name);
            let (_, width) = output.ok_or_else(|| LossMismatch::NoLayers {
                target: name.to_string(),
            })?;
            let loss = self.heads.iter().position(|head| head.name == name);
            let loss = loss.ok_or_else(|| LossMismatch::NoLoss {
                target: name.to_string(),
                heads: self.heads.iter().map(|head| head.name.clone()).collect(),
            })?;
            let checked = self.heads[loss].loss.check(*width, &head.task);
            checked.map_err(|mismatch| LossMismatch::OfHead {
                head: name.to_string(),
                mismatch: Box::new(mismatch),
            })?;
            places.push(Place {
                loss,
                logits: begin..begin + width,
                targets: first..first + head.task.target_width(),
                kind: match head.task {
                    Task::Classes(_) => TargetKind::Classes,
                    Task::MultiLabel(_) => TargetKind::Labels,
                    Task::Regression(_) | Task::Heads(_) => TargetKind::Numbers,
                },
            });
            first += head.task.target_width();
        }
        self.places = places;
        Ok(())
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn of_head(&self, name: &str) -> Option<&dyn Loss> {
        let head = self.heads.iter().find(|head| head.name == name)?;
        Some(&*head.loss)
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let weighted = self.each(&logits, |head, own, place| {
            head.loss.forward(own, &target_of(target, place)) * head.weight
        });
        let sum = weighted.into_iter().reduce(|sum, more| sum + more);
        sum.expect("a net with heads has one, and is checked before it runs")
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        Tensor::cat(
            self.each(&logits, |head, own, _| head.loss.predictions(own)),
            1,
        )
    }

    fn forward_heads(&self, logits: &Tensor<2>, target: &Target) -> Vec<Tensor<1>> {
        self.each(logits, |head, own, place| {
            head.loss.forward(own, &target_of(target, place))
        })
    }
}
