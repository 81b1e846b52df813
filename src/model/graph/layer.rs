//! A layer as the experiment describes it, and how a list of them is read.

use std::fmt::Debug;

use super::mismatch::Mismatch;
use super::planned::Planned;
use crate::config::{Fault, Member, Path, Spec, read_member};
use crate::data::Shape;
use crate::model::tuning::Tuning;

/// A layer of the experiment: options, before it has shapes.
pub trait Layer: Debug + Send + Sync {
    /// Plans the layer for samples of shape `input`. Each plan stands for itself, so that one layer can be planned for
    /// several shapes. `reader` reads the layers that the options describe within this one.
    ///
    /// # Errors
    /// A shape that the layer cannot take.
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch>;

    /// The layers that the experiment describes within this one, with their paths from its options on.
    fn described(&self) -> Vec<(Path, &Spec)> {
        Vec::new()
    }

    /// The same layer with time turned round; `None` where the layer does not read a sequence step by step.
    fn reversed(&self) -> Option<Box<dyn Layer>> {
        None
    }
}

/// Layers by their tags, one behind the other.
pub type LayerList = Vec<(String, Box<dyn Layer>)>;

/// Reads layers from the table of all of them, and knows how the layer around them is trained. It is handed down to the
/// layers that hold layers: the table lists these, so they cannot name the table.
#[derive(Clone, Copy)]
pub struct LayerReader {
    members: &'static [Member<dyn Layer>],
    tuning: Tuning,
}

impl LayerReader {
    /// A reader of the layers of this table.
    pub fn new(members: &'static [Member<dyn Layer>]) -> LayerReader {
        LayerReader {
            members,
            tuning: Tuning::default(),
        }
    }

    /// The same for the layers within a layer with this tuning.
    pub fn within(self, tuning: Tuning) -> LayerReader {
        LayerReader {
            tuning: tuning.within(self.tuning),
            ..self
        }
    }

    /// The training of layers without options of their own for it.
    pub fn tuning(self) -> Tuning {
        self.tuning
    }

    /// Reads a layer, which is described at `path`, and checks those that are described within it.
    ///
    /// # Errors
    /// An unknown layer, and every mistake of the options.
    pub fn read(self, spec: &Spec, path: &Path) -> Result<Box<dyn Layer>, Vec<Fault>> {
        let layer = read_member(self.members, "layer", spec, path)?;
        let inner = path.key(spec.name());
        let within = layer.described().into_iter();
        let faults = within.filter_map(|(at, spec)| self.read(spec, &inner.join(&at)).err());
        let faults: Vec<Fault> = faults.flatten().collect();
        if faults.is_empty() {
            Ok(layer)
        } else {
            Err(faults)
        }
    }

    /// Reads a list of layers, which is described at `path`.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read_list(self, specs: &[Spec], path: &Path) -> Result<LayerList, Vec<Fault>> {
        let mut layers = Vec::new();
        let mut faults = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            match self.read(spec, &path.index(index)) {
                Ok(layer) => layers.push((spec.name().to_string(), layer)),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() {
            Ok(layers)
        } else {
            Err(faults)
        }
    }
}
