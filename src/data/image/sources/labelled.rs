//! The labelled images of files that hold many.

use std::path::Path;

use crate::data::core::left_out::{list_names, short_name};
use crate::data::image::sources::blocks::Blocks;
use crate::data::image::sources::cifar::{Cifar, labelled_cifar};
use crate::data::image::sources::idx::labelled_idx;
use crate::data::image::sources::labels::TrainedClasses;
use crate::data::image::sources::numpy::labelled_numpy;

/// Labelled images of IDX files, CIFAR's binaries or NumPy's arrays, for judging a model; `None` where `path` is
/// none of them.
///
/// # Errors
/// Why they cannot be used, in words that follow the path.
pub fn labelled_blocks(path: &Path, trained: &TrainedClasses) -> Option<Result<Blocks, String>> {
    let read = labelled_idx(path).map(|read| read.map(|blocks| (blocks, None)));
    let read = read.or_else(|| labelled_numpy(path));
    let read = match read {
        Some(read) => {
            read.and_then(|(blocks, names)| match_labels(blocks, names.as_deref(), trained))
        }
        None => labelled_cifar(path, trained.cifar, trained.classes)?
            .and_then(|cifar| match_cifar(cifar, trained)),
    };
    Some(read.map_err(|message| format!("does not fit the model: {message}")))
}

fn match_cifar(cifar: Cifar, trained: &TrainedClasses) -> Result<Blocks, String> {
    let Some(file) = cifar.missing_names else {
        return match_labels(cifar.blocks, Some(&cifar.classes), trained);
    };
    let numbered = trained
        .classes
        .iter()
        .any(|class| class.parse::<u32>().is_ok());
    if !numbered && trained.names.is_none() && trained.classes.len() != cifar.classes.len() {
        return Err(format!(
            "beside the files there is no {file} with the names of their {} classes, and the model knows {} \
             of them: {}",
            cifar.classes.len(),
            trained.classes.len(),
            list_names(trained.classes)
        ));
    }
    match_labels(cifar.blocks, None, trained)
}

/// Gives labels the places that a model's classes have: by name, or by number where there are no names.
///
/// # Errors
/// A label that is none of the model's classes.
pub fn match_labels(
    mut blocks: Blocks,
    names: Option<&[String]>,
    trained: &TrainedClasses,
) -> Result<Blocks, String> {
    match names {
        None => {
            for (_, labels) in &mut blocks {
                *labels = trained.places_of_numbers(labels.iter().copied())?;
            }
        }
        Some(names) => {
            let places = trained.places_of_names(names);
            for label in blocks.iter_mut().flat_map(|(_, labels)| labels) {
                let place = places.get(*label as usize).copied().flatten();
                *label = place.ok_or_else(|| {
                    let name = names.get(*label as usize).map_or("", String::as_str);
                    let known = list_names(trained.classes);
                    format!(
                        "holds images of class {:?}, but the model knows {known}",
                        short_name(name)
                    )
                })?;
            }
        }
    }
    Ok(blocks)
}
