//! The smaller sections: `[audit]`, `[checkpoint]`, `[eval]`, `[device]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How problems of the data are handled, which the audit finds before training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// What happens if validation samples are also training samples.
    #[serde(default)]
    pub leaks: OnLeak,
}

impl Audit {
    pub(super) fn is_default(&self) -> bool {
        *self == Audit::default()
    }
}

/// What happens if validation samples are also training samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnLeak {
    /// Training is refused.
    #[default]
    Fail,
    /// A warning is printed.
    Warn,
}

/// When checkpoints are saved, beside the end of every epoch. No choice here changes a bit of the trained net.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Within an epoch, after this many steps; 0: not by steps.
    #[serde(default)]
    pub every_steps: usize,
    /// Within an epoch, after this many minutes; 0: not by time.
    #[serde(default = "default_minutes")]
    #[schemars(range(min = 0))]
    pub every_minutes: f64,
    /// How many older checkpoints are kept beside `last.safetensors`, as `last-1.safetensors` and so on.
    #[serde(default = "default_keep")]
    #[schemars(range(max = 100))]
    pub keep: usize,
}

fn default_minutes() -> f64 {
    10.0
}

fn default_keep() -> usize {
    1
}

impl Default for Checkpoints {
    fn default() -> Self {
        Checkpoints {
            every_steps: 0,
            every_minutes: default_minutes(),
            keep: default_keep(),
        }
    }
}

/// How the net is evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eval {
    /// The class for which precision, recall, F1 and AUC are computed; default: the last in sorted order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The probability of the positive class from which a sample is predicted positive.
    #[serde(default = "default_threshold")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub threshold: f64,
}

fn default_threshold() -> f64 {
    0.5
}

impl Default for Eval {
    fn default() -> Self {
        Eval {
            positive: None,
            threshold: default_threshold(),
        }
    }
}

/// Where the net runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// "auto", "cpu", "gpu" or "gpu:N"; `--device` overrides it.
    #[serde(default = "default_device")]
    #[schemars(extend("pattern" = "^(auto|cpu|gpu(:[0-9]{1,19})?)$"))]
    pub kind: String,
}

fn default_device() -> String {
    "auto".into()
}

impl Default for Device {
    fn default() -> Self {
        Device {
            kind: default_device(),
        }
    }
}
