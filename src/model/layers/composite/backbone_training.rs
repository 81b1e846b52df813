//! Which stages of a backbone are trained, from which epoch on, and at which rate: written into the layers that it is made
//! of, as an experiment would.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::Spec;
use crate::model::graph::Mismatch;
use crate::model::layers::tuned::Unfreeze;

/// How a backbone is trained.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct BackboneTraining {
    /// Whether the backbone stays as it is (it runs as in evaluation, and what it makes of each sample is computed once and
    /// kept), or the last stage that does: "to layer3" freezes the stages from the first to this one.
    #[serde(default)]
    freeze: Option<Freeze>,
    /// From when on what is frozen is trained; by itself it freezes the backbone until then.
    #[serde(default)]
    unfreeze: Option<Unfreeze>,
    /// The learning rate of its parameters is multiplied by it.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    rate_scale: f64,
    /// The learning rate of each stage is that of the stage behind it times this; the last one's is not changed.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    rate_decay: f64,
}

fn one() -> f64 {
    1.0
}

/// Which stages stay as they are.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Freeze {
    /// All, or none.
    All(bool),
    /// "to STAGE": those up to this one.
    #[schemars(extend("pattern" = "^to .+$"))]
    To(String),
}

impl BackboneTraining {
    /// Writes into the layers of a backbone how each is trained. `stages` are their names and layers, in order.
    ///
    /// # Errors
    /// A stage that there is not; a backbone that is never frozen but unfrozen.
    pub fn apply(
        &self,
        layers: Vec<Spec>,
        stages: &[(String, Range<usize>)],
    ) -> Result<Vec<Spec>, Mismatch> {
        let frozen = self.frozen(layers.len(), stages)?;
        let layers = layers.into_iter().enumerate();
        let layers = layers.map(|(index, spec)| {
            let mut keys = Map::new();
            if index < frozen {
                keys.extend(self.freezing(spec.name()));
            }
            let scale = self.rate_scale * self.decay(index, stages);
            if scale != 1.0 {
                keys.insert("rate_scale".to_string(), json!(scale));
            }
            with_keys(spec, keys)
        });
        Ok(layers.collect())
    }

    /// How many layers are frozen.
    fn frozen(&self, all: usize, stages: &[(String, Range<usize>)]) -> Result<usize, Mismatch> {
        let last = match (&self.freeze, self.unfreeze) {
            (Some(Freeze::All(false)), Some(_)) => {
                let message = "is for what is frozen, but freeze is false";
                return Err(Mismatch::of("unfreeze", message));
            }
            (Some(Freeze::All(true)), _) | (None, Some(_)) => return Ok(all),
            (Some(Freeze::All(false)) | None, None) => return Ok(0),
            (Some(Freeze::To(last)), _) => last.trim_start_matches("to ").trim(),
        };
        let found = stages.iter().find(|(name, _)| name == last);
        let names: Vec<&str> = stages.iter().map(|(name, _)| name.as_str()).collect();
        found.map(|(_, layers)| layers.end).ok_or_else(|| {
            let names = names.join(", ");
            Mismatch::of(
                "freeze",
                format!("names the stage `{last}`, expected one of {names}"),
            )
        })
    }

    /// What the rate of the layer at `index` is multiplied by for its stage.
    fn decay(&self, index: usize, stages: &[(String, Range<usize>)]) -> f64 {
        let stage = stages.iter().position(|(_, layers)| index < layers.end);
        let behind = stage.map_or(0, |stage| stages.len() - 1 - stage);
        self.rate_decay.powi(behind as i32)
    }

    /// The keys that freeze a layer, and thaw it: a batch normalisation only where that is asked for.
    fn freezing(&self, tag: &str) -> Map<String, Value> {
        let mut keys = Map::from_iter([("freeze".to_string(), json!(true))]);
        if let Some(unfreeze) = self.unfreeze
            && (tag != "batch_norm" || unfreeze.batch_norm)
        {
            keys.insert("unfreeze".to_string(), json!(unfreeze));
        }
        keys
    }
}

fn with_keys(spec: Spec, keys: Map<String, Value>) -> Spec {
    if keys.is_empty() {
        return spec;
    }
    let mut options = spec.options();
    if let Some(table) = options.as_object_mut() {
        table.extend(keys);
    }
    Spec::Options([(spec.name().to_string(), options)].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(options: Value) -> Result<Vec<Value>, String> {
        let training: BackboneTraining = serde_json::from_value(options).expect("options");
        let layers = json!([{"conv2d": {"filters": 2, "kernel": 1}}, "batch_norm", "relu", {"dense": {"units": 2}}]);
        let layers: Vec<Spec> = serde_json::from_value(layers).expect("layers");
        let stages = [("stem".to_string(), 0..3), ("last".to_string(), 3..4)];
        let applied = training.apply(layers, &stages);
        let applied = applied.map_err(|mismatch| mismatch.faults[0].message.clone())?;
        Ok(applied.iter().map(Spec::options).collect())
    }

    #[test]
    fn stages_are_frozen_up_to_the_one_named() {
        let layers = apply(json!({"freeze": "to stem"})).expect("a stage");
        assert_eq!(layers[0]["freeze"], true);
        assert_eq!(layers[1]["freeze"], true);
        assert_eq!(layers[3].get("freeze"), None);
        let refused = apply(json!({"freeze": "to layer9"})).expect_err("no stage");
        assert_eq!(
            refused,
            "names the stage `layer9`, expected one of stem, last"
        );
    }

    #[test]
    fn what_is_thawed_leaves_batch_normalisations_unless_they_are_asked_for() {
        let layers = apply(json!({"unfreeze": {"epoch": 3}, "rate_decay": 0.5})).expect("fits");
        assert_eq!(layers[0]["unfreeze"]["epoch"], 3);
        assert_eq!(layers[1].get("unfreeze"), None);
        assert_eq!(layers[1]["freeze"], true);
        assert_eq!(layers[0]["rate_scale"], 0.5);
        assert_eq!(layers[3].get("rate_scale"), None);
        let asked = apply(json!({"unfreeze": {"epoch": 3, "batch_norm": true}})).expect("fits");
        assert_eq!(asked[1]["unfreeze"]["batch_norm"], true);
        let never = apply(json!({"freeze": false, "unfreeze": {"epoch": 3}}));
        assert!(never.is_err());
    }
}
