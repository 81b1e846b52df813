//! Shapes: what each layer makes of what the layer before gives.

use std::collections::HashSet;

use super::list::{Layers, List, head_path, trunk_path};
use super::{Network, PlannedHead, PlannedLayer};
use crate::config::{Fault, Path};
use crate::data::Shape;
use crate::model::activation::Activation;
use crate::model::layers::{EmbedColumns, Layer, LayerPlan, MOST_VALUES, Mismatch};
use crate::model::losses::Loss;

impl Network {
    /// Infers every shape.
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
        let mut network = Self::plan_list(layers.trunk, shape, of_trunk, "model.")
            .map_err(|misfit| misfit.at(&trunk_path()))?;
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
            let mut head = Self::plan_list(list, trunk, loss.of_head(&name), &prefix)
                .map_err(|misfit| misfit.at(&path))?;
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
        let plan = columns
            .plan(input)
            .and_then(LayerPlan::within_bounds)
            .map_err(|mismatch| mismatch.at(&Path::parse("data.columns"), "embedding"))?;
        Ok(PlannedLayer {
            name: "model.embed".into(),
            tag: "embedding".into(),
            output: plan.output,
            params: plan.params,
            multiply_adds: plan.multiply_adds,
            working: Default::default(),
            absorbed: None,
            fused: None,
            layer: Box::new(columns),
        })
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

    /// Gives the layers of a head other names where their parameters are called as those of layers before them: of a
    /// head "a.0" as of a block within the head "a".
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

    /// The layers within a layer; their names are numbers. `list` is where its options describe them, if they do.
    ///
    /// # Errors
    /// The first layer whose input does not fit.
    pub fn plan_inner(
        layers: Layers,
        input: Shape,
        list: Option<&Path>,
    ) -> Result<Network, Mismatch> {
        Self::plan_list(layers.trunk, input, None, "").map_err(|misfit| match list {
            Some(list) => Mismatch {
                faults: misfit.at(list),
            },
            None => misfit.mismatch,
        })
    }

    fn plan_list(
        list: List,
        input: Shape,
        loss: Option<&dyn Loss>,
        prefix: &str,
    ) -> Result<Network, Misfit> {
        let mut planned = Vec::new();
        let mut shape = input;
        let last = list.len().saturating_sub(1);
        for (index, (tag, layer)) in list.into_iter().enumerate() {
            let LayerPlan {
                output,
                params,
                multiply_adds,
            } = layer
                .plan(shape)
                .and_then(LayerPlan::within_bounds)
                .map_err(|mismatch| Misfit {
                    index,
                    tag: tag.clone(),
                    mismatch,
                })?;
            let absorbed = layer.activation().filter(|activation| {
                let absorbs = loss.map_or(Activation::Linear, |loss| loss.absorbs());
                index == last && absorbs != Activation::Linear && *activation == absorbs
            });
            let working = layer.working(shape);
            shape = output;
            planned.push(PlannedLayer {
                name: format!("{prefix}{index}"),
                tag,
                output,
                params,
                multiply_adds,
                working,
                absorbed,
                fused: None,
                layer,
            });
        }
        let mut network = Network {
            input,
            layers: planned,
            heads: Vec::new(),
            before: 0,
        };
        network.fuse();
        Ok(network)
    }
}

/// The layer of a list whose input does not fit.
struct Misfit {
    index: usize,
    tag: String,
    mismatch: Mismatch,
}

impl Misfit {
    /// As faults of the experiment, which describes the list at `list`: a list, or one layer.
    fn at(self, list: &Path) -> Vec<Fault> {
        self.mismatch.at(&list.index(self.index), &self.tag)
    }
}
