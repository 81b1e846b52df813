//! The tree of planned layers: a layer that holds layers owns their plans, and anyone can walk over all of them.

use std::fmt::Debug;

use super::block::Fused;
use super::mismatch::Mismatch;
use super::operation::Operation;
use super::scope::Scope;
use super::size::{MOST_VALUES, Working};
use crate::data::{Shape, Value};
use crate::model::activation::Activation;
use crate::model::backbones::Chosen;
use crate::model::params::ParamSpec;
use crate::model::tuning::{Frozen, Tuning};

/// The computation of a planned layer. The methods beside `forward` state facts; which kernels run the layer is decided in
/// one place, `fusion`.
pub trait Forward: Debug + Send + Sync {
    /// Maps a batch. The input has the shape that the plan was made for.
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value;

    /// The operation of the layer, if there are kernels for it.
    fn operation(&self) -> Operation {
        Operation::Other
    }

    /// Whether the layer computes in 32 bits also where the others compute in 16: it sums over so
    /// many values that the sum, or its share of a value, is lost in 16.
    fn needs_f32(&self) -> bool {
        false
    }

    /// Whether the layer is stochastic in training.
    fn is_random(&self) -> bool {
        false
    }

    /// The activation that ends the layer; the network leaves it to the loss where the layer is
    /// the last and the loss works on logits ([`Scope::activate`]).
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// Which backbone the layer is, and with which options.
    fn backbone(&self) -> Option<&Chosen> {
        None
    }

    /// The layers within this one, in the order of their parameters. Each chooses for itself what it computes in.
    fn children(&self) -> Vec<&PlannedLayer> {
        Vec::new()
    }
}

/// A layer planned for the shape of its input, before it has a name.
#[derive(Debug)]
pub struct Planned {
    /// The shape of its output.
    pub output: Shape,
    /// Its own parameters, in order; not those of the layers within it.
    pub params: Vec<ParamSpec>,
    /// Multiply-adds of the forward pass of one sample.
    pub multiply_adds: u64,
    /// What a training pass holds of the layer beside its output, where it is worth counting.
    pub working: Working,
    /// How it is trained, if it has options for it.
    pub tuning: Option<Tuning>,
    /// What runs.
    pub forward: Box<dyn Forward>,
}

impl Planned {
    /// A layer without parameters and without multiplications.
    pub fn new(forward: impl Forward + 'static, output: Shape) -> Planned {
        Planned {
            output,
            params: Vec::new(),
            multiply_adds: 0,
            working: Working::default(),
            tuning: None,
            forward: Box::new(forward),
        }
    }

    /// The same with parameters.
    pub fn params(self, params: Vec<ParamSpec>) -> Planned {
        Planned { params, ..self }
    }

    /// The same with so many multiply-adds a sample.
    pub fn multiply_adds(self, multiply_adds: u64) -> Planned {
        Planned {
            multiply_adds,
            ..self
        }
    }

    /// The same with what a training pass holds beside the output.
    pub fn working(self, working: Working) -> Planned {
        Planned { working, ..self }
    }

    /// The same, trained in this way.
    pub fn tuned(self, tuning: Tuning) -> Planned {
        let tuning = Some(tuning);
        Planned { tuning, ..self }
    }

    /// The layer in its place: `name` within the layer that holds it, or in the net; `tag` in the experiment. `around` is the
    /// tuning of the layer that holds it.
    ///
    /// # Errors
    /// An output or a parameter of more than [`MOST_VALUES`] values.
    pub fn named(
        self,
        name: impl Into<String>,
        tag: impl Into<String>,
        input: Shape,
        around: Tuning,
    ) -> Result<PlannedLayer, Mismatch> {
        let num_own_params = self.params.len();
        let tag = tag.into();
        let tuning = self.tuning.unwrap_or_else(|| around.of_layer(&tag));
        let mut params = self.params;
        params.iter_mut().for_each(|spec| spec.tuning = tuning);
        for child in self.forward.children() {
            let specs = child.params.iter();
            params.extend(specs.map(|spec| spec.within(&child.name)));
        }
        let layer = PlannedLayer {
            name: name.into(),
            tag,
            input,
            output: self.output,
            params,
            num_own_params,
            multiply_adds: self.multiply_adds,
            working: self.working,
            tuning,
            absorbed: None,
            fused: None,
            forward: self.forward,
        };
        layer.check_bounds()?;
        Ok(layer)
    }
}

/// One layer in its place.
#[derive(Debug)]
pub struct PlannedLayer {
    /// The stable name: in the net the full one ("model.2"); within a layer that part which follows that layer's name
    /// ("0", "shortcut.0", "forward"). Model files and checkpoints name parameters by it.
    pub name: String,
    /// The tag in the experiment ("dense").
    pub tag: String,
    /// The shape of its input.
    pub input: Shape,
    /// The shape of its output.
    pub output: Shape,
    /// Every parameter: its own first, then those of the layers within it, by their names within this one.
    pub params: Vec<ParamSpec>,
    num_own_params: usize,
    /// Multiply-adds of the forward pass of one sample, those of the layers within it included.
    pub multiply_adds: u64,
    /// What a training pass holds of it beside its output.
    pub working: Working,
    /// How it is trained.
    pub tuning: Tuning,
    /// The activation that the loss computes in the layer's stead.
    pub absorbed: Option<Activation>,
    /// The fused block that begins here, on devices that have it.
    pub fused: Option<Fused>,
    /// What runs.
    pub forward: Box<dyn Forward>,
}

/// A layer that a walk over the tree comes to.
#[derive(Clone, Debug)]
pub struct Visited<'a> {
    /// The full name: "model.2", and of a layer within it "model.2.shortcut.0".
    pub name: String,
    /// The layer; its tag and its shapes.
    pub layer: &'a PlannedLayer,
}

impl<'a> Visited<'a> {
    /// The layer's own parameters with their full names ("model.2.0.weight"): those of the parameter store, of
    /// model files and of checkpoints. Parameters of layers within it come with those layers.
    pub fn params(&self) -> impl Iterator<Item = (String, &'a ParamSpec)> {
        let specs = self.layer.own_params().iter();
        specs.map(|spec| (format!("{}.{}", self.name, spec.name), spec))
    }
}

impl PlannedLayer {
    /// The layers within this one, in the order of their parameters; none in most.
    pub fn children(&self) -> Vec<&PlannedLayer> {
        self.forward.children()
    }

    /// Its own parameters, without those of the layers within it.
    pub fn own_params(&self) -> &[ParamSpec] {
        &self.params[..self.num_own_params]
    }

    /// Whether the layer gives the same for the same input in every step of an epoch, counted from 0: it is frozen, or
    /// has neither parameters nor chance.
    pub fn is_fixed(&self, epoch: u64) -> bool {
        let within = || self.children().iter().all(|child| child.is_fixed(epoch));
        let plain = self.num_own_params == 0 && !self.forward.is_random();
        self.tuning.frozen.in_epoch(epoch) || (plain && within())
    }

    /// What of the layer's parameters training leaves as it is, and until when; empty where all are trained from the
    /// beginning, or there are none.
    pub fn frozen_note(&self) -> String {
        let frozen = || self.params.iter().map(|spec| spec.tuning.frozen);
        let note = |frozen| match frozen {
            Frozen::Never => String::new(),
            Frozen::Always => "frozen".to_string(),
            Frozen::Before(epoch) => format!("frozen until epoch {}", epoch + 1),
        };
        match (frozen().min(), frozen().max()) {
            (Some(least), Some(most)) if least != most => {
                let thaws = frozen().filter(|it| matches!(it, Frozen::Before(_))).min();
                let part = if least == Frozen::Never {
                    "partly "
                } else {
                    ""
                };
                format!("{part}{}", note(thaws.unwrap_or(most)))
            }
            (Some(same), _) => note(same),
            (None, _) => String::new(),
        }
    }

    /// Calls `visitor` with this layer and then every layer within it, outer layers before inner ones. `within` is the full
    /// name of the layer that holds this one, if there is one.
    pub fn visit<'a>(&'a self, within: Option<&str>, visitor: &mut dyn FnMut(Visited<'a>)) {
        let name = match within {
            Some(outer) => format!("{outer}.{}", self.name),
            None => self.name.clone(),
        };
        visitor(Visited {
            name: name.clone(),
            layer: self,
        });
        for child in self.children() {
            child.visit(Some(&name), visitor);
        }
    }

    fn check_bounds(&self) -> Result<(), Mismatch> {
        let most = format!("more than the {MOST_VALUES} (4 TiB) that can be");
        let large = |spec: &&ParamSpec| spec.num_elements() > MOST_VALUES;
        if let Some(spec) = self.params.iter().find(large) {
            let message = format!("has {:?} values in its {}, {most}", spec.shape, spec.name);
            return Err(Mismatch::new(message).hint("make the sizes of the layer smaller"));
        }
        if self.output.num_elements() > MOST_VALUES {
            let message = format!("gives {} values a sample, {most}", self.output);
            return Err(Mismatch::new(message).hint("make the sizes of the layer smaller"));
        }
        Ok(())
    }
}
