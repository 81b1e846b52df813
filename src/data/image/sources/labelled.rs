//! Labelled images of files that hold many, for evaluating a model.

use std::path::Path;

use thiserror::Error;

use crate::data::core::left_out::{list_names, short_name};
use crate::data::image::sources::block_error::BlockError;
use crate::data::image::sources::blocks::Blocks;
use crate::data::image::sources::cifar::{Cifar, labelled_cifar};
use crate::data::image::sources::idx::labelled_idx;
use crate::data::image::sources::labels::{TrainedClasses, UnknownClass};
use crate::data::image::sources::numpy::labelled_numpy;

/// Labelled images of IDX files, CIFAR's binaries or NumPy's arrays, for evaluating a model; `None` if `path` is
/// none of them.
///
/// # Errors
/// Why they cannot be used.
pub fn labelled_blocks(
    path: &Path,
    trained: &TrainedClasses,
) -> Option<Result<Blocks, MismatchError>> {
    let read = labelled_idx(path).map(|read| read.map(|blocks| (blocks, None)));
    let read = read.or_else(|| labelled_numpy(path));
    let read = match read {
        Some(read) => read
            .map_err(MismatchError::Blocks)
            .and_then(|(blocks, names)| {
                match_labels(blocks, names.as_deref(), trained).map_err(MismatchError::Class)
            }),
        None => labelled_cifar(path, trained.cifar, trained.classes)?
            .map_err(MismatchError::Blocks)
            .and_then(|cifar| match_cifar(cifar, trained)),
    };
    Some(read)
}

/// Why files that hold many images do not fit a model, in words that follow the path.
#[derive(Debug, Error)]
pub enum MismatchError {
    /// They cannot be used at all.
    #[error("does not fit the model: {0}")]
    Blocks(BlockError),
    /// A class that the model does not know.
    #[error("does not fit the model: {0}")]
    Class(UnknownClass),
    /// CIFAR's labels by number, without the names.
    #[error(
        "does not fit the model: beside the files there is no {file} with the names of their {count} classes, and \
         the model knows {num_known} of them: {known}"
    )]
    NoNames {
        /// The file of the names.
        file: &'static str,
        /// The classes of the files.
        count: usize,
        /// How many classes the model knows.
        num_known: usize,
        /// Which they are.
        known: String,
    },
}

fn match_cifar(cifar: Cifar, trained: &TrainedClasses) -> Result<Blocks, MismatchError> {
    let Some(file) = cifar.missing_names else {
        return match_labels(cifar.blocks, Some(&cifar.classes), trained)
            .map_err(MismatchError::Class);
    };
    let numbered = trained
        .classes
        .iter()
        .any(|class| class.parse::<u32>().is_ok());
    if !numbered && trained.names.is_none() && trained.classes.len() != cifar.classes.len() {
        return Err(MismatchError::NoNames {
            file,
            count: cifar.classes.len(),
            num_known: trained.classes.len(),
            known: list_names(trained.classes),
        });
    }
    match_labels(cifar.blocks, None, trained).map_err(MismatchError::Class)
}

/// Maps labels to the indices of a model's classes: by name, or by number if there are no names.
///
/// # Errors
/// A label that is none of the model's classes.
pub fn match_labels(
    mut blocks: Blocks,
    names: Option<&[String]>,
    trained: &TrainedClasses,
) -> Result<Blocks, UnknownClass> {
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
                    UnknownClass {
                        class: format!("{:?}", short_name(name)),
                        known: list_names(trained.classes),
                    }
                })?;
            }
        }
    }
    Ok(blocks)
}
