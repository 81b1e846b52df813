//! Reading the layers of an experiment.

use super::paths::{head_path, trunk_path};
use crate::config::{Fault, Model, Spec};
use crate::data::EmbeddedColumn;
use crate::model::graph::{LayerList, LayerReader};
use crate::model::layers::{EmbedColumns, LAYERS};

/// The layers of an experiment, before they are planned.
#[derive(Debug)]
pub struct Layers {
    /// Before the trunk, where columns of a table are embedded.
    pub(super) columns: Option<EmbedColumns>,
    pub(super) trunk: LayerList,
    /// By name.
    pub(super) heads: Vec<(String, LayerList)>,
}

impl Layers {
    /// Reads a list of layers.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read(specs: &[Spec]) -> Result<Layers, Vec<Fault>> {
        Ok(Layers {
            columns: None,
            trunk: reader().read_list(specs, &trunk_path())?,
            heads: Vec::new(),
        })
    }

    /// Reads `model.layers` and `model.heads`.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn of(model: &Model) -> Result<Layers, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |list: Result<LayerList, Vec<Fault>>| match list {
            Ok(list) => list,
            Err(more) => {
                faults.extend(more);
                Vec::new()
            }
        };
        let trunk = keep(reader().read_list(&model.layers, &trunk_path()));
        let heads = model.heads.iter();
        let heads = heads.map(|(name, specs)| {
            (
                name.clone(),
                keep(reader().read_list(specs, &head_path(name))),
            )
        });
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

    /// Puts a layer before them that embeds these columns, `model.embed`.
    ///
    /// # Errors
    /// Every mistake of the columns' options.
    pub fn with_columns(self, columns: Vec<EmbeddedColumn>) -> Result<Layers, Vec<Fault>> {
        let columns = EmbedColumns::read(columns)?;
        Ok(Layers { columns, ..self })
    }
}

/// A reader of all layers.
pub(super) fn reader() -> LayerReader {
    LayerReader::new(LAYERS)
}
