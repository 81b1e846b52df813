//! Whose names a file of weights has, and which of its tensors a backbone does not need.

use std::collections::{BTreeSet, HashSet};

use super::Chosen;
use super::mapping::mapping;
use super::names::Scheme;
use crate::model::graph::PlannedLayer;

/// Whether a tensor of a file is the old classifier's, which the layers behind the backbone replace, or says nothing
/// about the net: the number of batches that a normalisation has seen, the normalisation of the input, the
/// state of random numbers.
pub fn left_out(tensor: &str, chosen: &Chosen, scheme: Scheme) -> bool {
    let is_input = |name: &str| name.starts_with("normalization");
    let is_random = tensor.contains("seed_generator");
    let is_count = tensor.ends_with("num_batches_tracked");
    if is_random || is_count || is_input(tensor.trim_start_matches("layers/")) {
        return true;
    }
    if scheme == Scheme::KerasLayers {
        return tensor.starts_with("layers/dense");
    }
    let (modules, classifier) = chosen.modules();
    let begin = modules.len() - classifier;
    modules[begin..].iter().any(|names| {
        let module = names.get(scheme).unwrap_or_default();
        // A classifier of somebody's own may lie deeper: "fc.0.weight".
        let rest = tensor.strip_prefix(module);
        rest.is_some_and(|rest| rest.starts_with(['.', '/']))
    })
}

/// The name of a tensor as the schemes have it: of Keras's files that of the layer and of the weight. They have
/// `conv1/conv1/kernel:0`, `conv1/conv1_W_1:0` or `resnet50/conv1/kernel:0`, and within a net `layers/functional/layers/..`.
pub fn canonical(tensor: &str) -> String {
    if let Some(at) = tensor.rfind("layers/") {
        return tensor[at..].to_string();
    }
    let mut parts = tensor.rsplit('/');
    let (Some(last), Some(layer)) = (parts.next(), parts.next()) else {
        return tensor.to_string();
    };
    let field = last.split(':').next().unwrap_or_default();
    let field = match field {
        "depthwise_kernel" => "kernel",
        field if field.ends_with("_W_1") => "kernel",
        field if field.ends_with("_b_1") => "bias",
        field => field,
    };
    format!("{layer}/{field}")
}

/// The scheme whose names a file has most of, and the prefix of this project's names; `None` where it has no more than
/// half of any.
pub fn detect_scheme(
    planned: &PlannedLayer,
    chosen: &Chosen,
    tensors: &HashSet<&str>,
) -> Option<(Scheme, String)> {
    let own = tensors.iter().filter_map(|tensor| {
        let rest = tensor.strip_suffix("0.weight")?;
        let digits = rest.strip_prefix("model.")?.strip_suffix('.')?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| rest.to_string())
    });
    let own: BTreeSet<String> = own.collect();
    let own = own.into_iter().map(|prefix| (Scheme::Kiln, prefix));
    let others = Scheme::OTHERS.map(|scheme| (scheme, String::new()));
    let has = |(scheme, prefix): &(Scheme, String)| {
        let mapped = mapping(planned, chosen, *scheme, prefix).unwrap_or_default();
        let found = mapped.iter().filter(|one| tensors.contains(&*one.tensor));
        (found.count(), mapped.len())
    };
    let counted = others
        .into_iter()
        .chain(own)
        .map(|scheme| (has(&scheme), scheme));
    // Of equals the first.
    let best = counted.rev().max_by_key(|((found, _), _)| *found)?;
    let ((found, all), scheme) = best;
    (2 * found > all).then_some(scheme)
}
