//! The parameters that a net starts with where its backbones have trained weights.

use std::path::Path as FilePath;

use super::backbones::{LoadedWeights, bare_name, check_weights, load_weights};
use super::graph::PlannedLayer;
use super::import::{WeightsFile, find_weights};
use super::network::Network;
use super::params::{ParamStore, upload};
use crate::config::{Fault, Path};

impl Network {
    /// The layers that start from trained weights: the index of each, and the file as the experiment names it.
    fn pretrained(&self) -> impl Iterator<Item = (usize, &PlannedLayer, &str)> {
        let layers = self.layers.iter().enumerate();
        layers.filter_map(|(index, layer)| {
            let weights = layer.forward.backbone()?.weights.as_deref()?;
            Some((index, layer, weights))
        })
    }

    /// Checks that every file of trained weights is there and holds those of its backbone; reads no values.
    ///
    /// # Errors
    /// A file that is missing, of no use, or of another net.
    pub fn check_pretrained(&self) -> Result<(), Vec<Fault>> {
        for (index, layer, weights) in self.pretrained() {
            let checked = open(weights).and_then(|file| check_weights(layer, &file));
            checked.map_err(|error| vec![self.fault(index, weights, &error)])?;
        }
        Ok(())
    }

    /// Puts the trained weights of the backbones in the place of initial ones. Returns what the user should know.
    ///
    /// # Errors
    /// As [`check_pretrained`](Self::check_pretrained); damage.
    pub fn load_pretrained(&self, params: &mut ParamStore) -> Result<Vec<String>, Vec<Fault>> {
        let mut notices = Vec::new();
        for (index, layer, weights) in self.pretrained() {
            let loaded = open(weights).and_then(|file| load_weights(layer, &file));
            let loaded = loaded.map_err(|error| vec![self.fault(index, weights, &error)])?;
            notices.push(notice(layer, weights, &loaded));
            for (name, values) in loaded.values {
                let param = params.params.iter_mut().find(|param| param.name == name);
                if let Some(param) = param {
                    param.tensor = upload(values, &param.tensor.device());
                }
            }
        }
        Ok(notices)
    }

    fn fault(&self, index: usize, weights: &str, error: &anyhow::Error) -> Fault {
        let path: Path = self.place(index).key("backbone").key("weights");
        Fault::new(path, format!("is {weights:?}: {error:#}"))
    }
}

fn open(weights: &str) -> anyhow::Result<WeightsFile> {
    // Where it lies was found when the experiment was read; here it is said why it was not.
    let path = find_weights(weights, FilePath::new(""))?;
    Ok(WeightsFile::open(&path)?)
}

/// What was loaded, in one line.
fn notice(layer: &PlannedLayer, weights: &str, loaded: &LoadedWeights) -> String {
    let name = layer.forward.backbone().map_or("", |it| it.backbone.name);
    let mut notice = format!(
        "{} starts as the trained {name} of {} ({} tensors, named as {} names them)",
        layer.name,
        bare_name(weights),
        loaded.values.len(),
        loaded.scheme.name()
    );
    if !loaded.left_out.is_empty() {
        notice += &format!(
            "; left out: its classifier ({})",
            loaded.left_out.join(", ")
        );
    }
    if let Some(adapted) = &loaded.adapted {
        notice += &format!("; {adapted}");
    }
    notice
}
