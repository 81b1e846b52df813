//! The files of weights that an experiment names.

use serde_json::Value;

use crate::config::{Experiment, Path, Spec};

/// Calls `visit` with every file of weights that the backbones of an experiment name, and where it stands.
pub fn visit_weights(experiment: &mut Experiment, visit: &mut dyn FnMut(&Path, &mut String)) {
    let model = &mut experiment.model;
    visit_list(&mut model.layers, &Path::parse("model.layers"), visit);
    for (name, list) in &mut model.heads {
        visit_list(list, &Path::parse("model.heads").key(name), visit);
    }
}

fn visit_list(list: &mut [Spec], path: &Path, visit: &mut dyn FnMut(&Path, &mut String)) {
    for (index, spec) in list.iter_mut().enumerate() {
        if let Spec::Options(options) = spec
            && let Some(backbone) = options.get_mut("backbone")
            && let Some(Value::String(weights)) = backbone.get_mut("weights")
        {
            visit(&path.index(index).key("backbone").key("weights"), weights);
        }
    }
}

/// Leaves of the files of weights that an experiment names their bare names: where they lie means nothing to a trained net.
pub fn drop_weights_folders(experiment: &mut Experiment) {
    visit_weights(experiment, &mut |_, weights| {
        *weights = bare_name(weights).to_string();
    });
}

/// The name of a file of weights without the folder it lies in: what model files keep of it.
pub fn bare_name(weights: &str) -> &str {
    weights.rsplit(['/', '\\']).next().unwrap_or(weights)
}
