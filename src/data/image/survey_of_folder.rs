//! Surveys a folder of images without an experiment, for the audit.

use std::path::{Path as FilePath, PathBuf};

use thiserror::Error;

use super::labelling::below::images_below;
use super::labelling::error::Failure;
use super::labelling::options::Labelling;
use super::labelling::pattern::LabelPattern;
use super::options::ImageOptions;
use super::samples::Split;
use super::survey::{ImageSurvey, Listed};
use crate::data::core::left_out::LeftOut;
use crate::data::files::error::ListingError;
use crate::data::files::layout::{Labelled, Layout};
use crate::data::files::listing::Content;
use crate::data::loading::divided::Divided;

/// Height and width to which images are resized where only the audit reads them.
const LOOK_SIZE: usize = 64;

/// Why a folder cannot be surveyed, in words that follow its name.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// No samples, or a folder that cannot be listed.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// Labels that cannot be used.
    #[error(transparent)]
    Labels(#[from] Failure),
    /// Samples that are no images.
    #[error("holds texts and no images; write an experiment with `kiln init`, and use --config")]
    Texts,
}

impl ImageSurvey {
    /// Surveys a folder in any layout that is recognized.
    ///
    /// # Errors
    /// A folder without classes.
    pub fn of_folder(folder: &FilePath) -> Result<ImageSurvey, SurveyError> {
        let layout = Layout::find(folder)?;
        if layout.content != Content::Images {
            return Err(SurveyError::Texts);
        }
        let mut labelling = Labelling {
            exclude: layout.exclude.clone(),
            ..Labelling::default()
        };
        if layout.labelled == Labelled::Elsewhere {
            let (files, _) = images_below(&layout.train)?;
            let guessed = LabelPattern::guess(&files).map(|(pattern, _)| pattern.to_string());
            // Without labels all of them are of one class.
            labelling.label_pattern = Some(guessed.unwrap_or_else(|| "{label}".to_string()));
            if labelling.label_pattern.as_deref() == Some("{label}") {
                let split = Split::of_files(
                    layout.train,
                    files.into_iter().map(|file| (file, 0)).collect(),
                );
                return Ok(ImageSurvey::for_audit(
                    vec!["(no labels)".into()],
                    split,
                    [None, None],
                    LeftOut::default(),
                ));
            }
        }
        let mut roots = [
            Some(&*layout.train),
            layout.valid.as_deref(),
            layout.test.as_deref(),
        ];
        if roots[1].is_none() {
            roots.swap(1, 2); // shown as the other split
        }
        let labelled = labelling.list(roots)?;
        let [train, valid, test] = labelled
            .splits
            .map(|split| split.map(|s| Split::of_files(s.root, s.files)));
        let none = || Split::of_files(PathBuf::new(), Vec::new());
        let names = labelled.names.list().to_vec();
        Ok(ImageSurvey::for_audit(
            names,
            train.unwrap_or_else(none),
            [valid, test],
            labelled.left_out,
        ))
    }

    fn for_audit(
        classes: Vec<String>,
        train: Split,
        [valid, test]: [Option<Split>; 2],
        left_out: LeftOut,
    ) -> ImageSurvey {
        let listed = Listed {
            classes,
            splits: Divided::given(
                train,
                valid.unwrap_or_else(|| Split::of_files(PathBuf::new(), Vec::new())),
                String::new(),
            ),
            test,
            left_out,
            sets: None,
        };
        ImageSurvey::new(ImageOptions::of_size([LOOK_SIZE, LOOK_SIZE]), listed)
    }
}
