//! Planning a net: shape inference from the input to the output.

use std::collections::HashSet;

use super::list::{Layers, reader};
use super::net::{Network, PlannedHead};
use super::paths::{head_path, trunk_path};
use crate::config::{Fault, Path};
use crate::data::Shape;
use crate::model::activation::Activation;
use crate::model::graph::{Chain, Layer, LayerList, MOST_VALUES, PlannedLayer};
use crate::model::layers::EmbedColumns;
use crate::model::losses::Loss;
use crate::model::tuning::Tuning;

impl Network {
    /// Plans every layer for the shape that the layer before it gives.
    ///
    /// # Errors
    /// The first layer whose input does not fit, with what it expects and what it gets.
    pub fn plan(layers: Layers, input: Shape, loss: &dyn Loss) -> Result<Network, Vec<Fault>> {
        if input.num_elements() > MOST_VALUES {
            let message =
                format!("has samples of {input} values, more than can be ({MOST_VALUES})");
            let fault = Fault::new(Path::parse("data"), message);
            return Err(vec![
                fault.hint("use smaller samples (data.size, data.length)"),
            ]);
        }
        let of_trunk = layers.heads.is_empty().then_some(loss);
        let columns = layers
            .columns
            .map(|columns| Self::plan_columns(columns, input))
            .transpose()?;
        let shape = columns.as_ref().map_or(input, |columns| columns.output);
        let mut network = Self::plan_list(&layers.trunk, shape, of_trunk, "model.", &trunk_path())?;
        if layers.heads.is_empty() {
            network.ends_with_a_row(&trunk_path())?;
        }
        network.input = input;
        network.before = columns.iter().len();
        network.layers.splice(0..0, columns);
        if layers.heads.is_empty() {
            return Ok(network);
        }
        let trunk = network.output();
        for (name, list) in layers.heads {
            let path = head_path(&name);
            let prefix = format!("model.heads.{name}.");
            let mut head = Self::plan_list(&list, trunk, loss.of_head(&name), &prefix, &path)?;
            head.ends_with_a_row(&path)?;
            head.rename_beside(&network, &prefix);
            let outputs = head.num_outputs();
            let begin = network.layers.len();
            network.layers.extend(head.layers);
            network.heads.push(PlannedHead {
                name,
                layers: begin..network.layers.len(),
                outputs,
            });
        }
        Ok(network)
    }

    fn plan_columns(columns: EmbedColumns, input: Shape) -> Result<PlannedLayer, Vec<Fault>> {
        columns
            .plan(input, reader())
            .and_then(|planned| planned.named("model.embed", "embedding", input, Tuning::default()))
            .map_err(|mismatch| mismatch.at(&Path::parse("data.columns"), "embedding"))
    }

    fn ends_with_a_row(&self, path: &Path) -> Result<(), Vec<Fault>> {
        let Shape::Flat { .. } = self.output() else {
            let message = format!(
                "ends with {} values a sample, expected a row of outputs",
                self.output()
            );
            let path = match self.layers.len() {
                0 => path.clone(),
                len => path.index(len - 1),
            };
            let fault = Fault::new(path, message);
            return Err(vec![fault.hint("end with { dense = { units = ... } }")]);
        };
        Ok(())
    }

    /// Renames the layers of a head where a parameter would have the name of one before it, as with a head "a.0" and
    /// a block within the head "a".
    fn rename_beside(&mut self, before: &Network, prefix: &str) {
        let taken: HashSet<String> = before.params().map(|(name, _)| name).collect();
        let mut other = prefix.to_string();
        while self.params().any(|(name, _)| taken.contains(&name)) {
            let next = format!("{}'.", other.trim_end_matches('.'));
            for layer in &mut self.layers {
                let rest = layer.name.strip_prefix(&other).unwrap_or(&layer.name);
                layer.name = format!("{next}{rest}");
            }
            other = next;
        }
    }

    fn plan_list(
        list: &LayerList,
        input: Shape,
        loss: Option<&dyn Loss>,
        prefix: &str,
        path: &Path,
    ) -> Result<Network, Vec<Fault>> {
        let absorbs = loss.map_or(Activation::Linear, |loss| loss.absorbs());
        let chain = Chain::plan(list, input, prefix, absorbs, reader())
            .map_err(|misfit| misfit.within(path).faults)?;
        Ok(Network {
            input,
            layers: chain.layers,
            heads: Vec::new(),
            before: 0,
        })
    }
}
