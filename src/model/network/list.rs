//! The layers of an experiment, as they stand there.

use crate::config::{Fault, Model, Path, Spec, read_member};
use crate::data::EmbeddedColumn;
use crate::model::layers::{EmbedColumns, LAYERS, Layer};

/// The layers of an experiment, read but not yet given shapes.
#[derive(Debug)]
pub struct Layers {
    /// Before the trunk, where columns of a table are embedded.
    pub(super) columns: Option<EmbedColumns>,
    pub(super) trunk: List,
    /// By name.
    pub(super) heads: Vec<(String, List)>,
}

/// Layers by their tags, one behind the other.
pub(super) type List = Vec<(String, Box<dyn Layer>)>;

impl Layers {
    /// Reads a list of layers.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read(specs: &[Spec]) -> Result<Layers, Vec<Fault>> {
        Self::read_at(specs, &trunk_path())
    }

    /// The same for a list at another place of the experiment.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read_at(specs: &[Spec], path: &Path) -> Result<Layers, Vec<Fault>> {
        Ok(Layers {
            columns: None,
            trunk: read_list(specs, path)?,
            heads: Vec::new(),
        })
    }

    /// Reads `model.layers` and `model.heads`.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn of(model: &Model) -> Result<Layers, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |list: Result<List, Vec<Fault>>| match list {
            Ok(list) => list,
            Err(more) => {
                faults.extend(more);
                Vec::new()
            }
        };
        let trunk = keep(read_list(&model.layers, &trunk_path()));
        let heads = model.heads.iter();
        let heads =
            heads.map(|(name, specs)| (name.clone(), keep(read_list(specs, &head_path(name)))));
        let heads = heads.collect();
        if faults.is_empty() {
            Ok(Layers {
                columns: None,
                trunk,
                heads,
            })
        } else {
            Err(faults)
        }
    }

    /// The same behind a layer that embeds these columns, `model.embed`.
    ///
    /// # Errors
    /// Every mistake of the columns' options.
    pub fn with_columns(self, columns: Vec<EmbeddedColumn>) -> Result<Layers, Vec<Fault>> {
        let columns = EmbedColumns::read(columns)?;
        Ok(Layers { columns, ..self })
    }
}

fn read_list(specs: &[Spec], path: &Path) -> Result<List, Vec<Fault>> {
    let mut layers = Vec::new();
    let mut faults = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        match read_layer(spec, &path.index(index)) {
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

/// Reads a layer, and checks those that are described within it.
fn read_layer(spec: &Spec, path: &Path) -> Result<Box<dyn Layer>, Vec<Fault>> {
    let layer = read_member(LAYERS, "layer", spec, path)?;
    let inner = path.key(spec.name());
    let within = layer.described().into_iter();
    let faults = within.filter_map(|(at, spec)| read_layer(spec, &inner.join(&at)).err());
    let faults: Vec<Fault> = faults.flatten().collect();
    if faults.is_empty() {
        Ok(layer)
    } else {
        Err(faults)
    }
}

pub(super) fn trunk_path() -> Path {
    Path::parse("model.layers")
}

pub(super) fn heads_path() -> Path {
    Path::parse("model.heads")
}

pub(super) fn head_path(name: &str) -> Path {
    heads_path().key(name)
}
