//! Kiln trains, checks and runs small neural nets from one experiment file.
//!
//! # The flow of the data
//!
//! One way; each room imports only rooms to its left:
//!
//! ```text
//! console → storage → config → device → kernels → data → model → metrics → train → report → guide → cli → commands
//!
//! train:    Source::load → Plan::check → Datasets → Loader → Network → Run::fit(observers) → RunFolder
//! eval:     ModelFile::open → Preprocessor::labelled → Loader → evaluate → tables
//! predict:  ModelFile::open → files → the same preprocessing → Network → rows on standard output
//! ```
//!
//! `eval` and `predict` never fit anything: class names, size and scaling all come out of the
//! model file.
//!
//! # The rooms
//!
//! | room | what is in it |
//! |---|---|
//! | [`console`] | output that cannot be written, text that a terminal must not interpret, paths as text |
//! | [`storage`] | files: opened and read within limits, written whole or not at all, locks, temporary files |
//! | [`config`] | the experiment as plain structs; faults with line, caret and remedy; families of members |
//! | [`device`] | the choice of a device, vector instructions, memory, tensors as values on the host |
//! | [`kernels`] | the fast path of the CPU: one folder per kernel, its Burn operation (`block`) beside it |
//! | [`data`] | `core` (batches, tasks, traits), `files` (layouts of files and folders), `image`, `table`, `text`, `loading` |
//! | [`model`] | layers, planning, losses, parameters, the model file |
//! | [`metrics`] | one metric a file |
//! | [`train`] | `plan`, `run`, `checkpoint`, `optimizers`, `schedules`, `tools` (`bench`, `lr-find`) |
//! | [`report`] | progress, tables, curves, JSON lines |
//! | [`guide`] | the manual, and the reference of every key |
//! | [`cli`], [`commands`] | arguments; one file per command: parse, call, print |
//!
//! # Four walks through the code
//!
//! **Train on a folder of images.** `commands/train.rs` loads the experiment (`train/styles.rs`, `data/mod.rs`,
//! `config/source.rs`) and has it checked (`train/plan/run_plan.rs`): the source `image-folder`
//! (`data/image/sources/image_folder.rs`) lists files and splits, `data/image/survey.rs` reads headers, `model/network`
//! plans the layers. `train/run/prepared.rs` decodes (`data/image/dataset.rs`, `data/image/decode`; a JPEG in
//! `decode/jpeg.rs`) and begins a run; `train/run/fit.rs` goes through epochs (`epoch.rs`), steps (`stepper.rs`) and
//! updates (`kernels/update`, Adam in `rules/adam.rs`); `train/checkpoint` saves.
//!
//! **Predict the rows of a CSV.** `commands/predict.rs` opens the model (`model/file.rs`), whose preprocessing gives the
//! reader of its modality (`data/reader.rs`): `data/table/samples.rs` reads rows (`data/table/reader.rs`), and encodes
//! them as they were fitted in training (`data/table/preprocess.rs`). The net runs (`model/network/forward.rs`), the
//! command prints.
//!
//! **Add a layer.** One file in the folder of its kind in `model/layers` (options with their docstrings, the plan of an
//! input's shape, the forward pass), its line in that folder's `mod.rs`, one line in the table `LAYERS` of
//! `model/layers/mod.rs`, and a recorded case in `tests/reference/layers_reference.py`. Schema, messages, `kiln check`
//! and `kiln guide` follow from the table.
//!
//! **A mistake in an experiment, from TOML to caret.** `config/source.rs` reads the file into a tree whose nodes know
//! their places (`config/node.rs`, `config/parse.rs`). `config/validate.rs` compares it with the schema: an unknown key is
//! reported there. Later checks give a [`config::Fault`] with the path of the key. [`config::Source::explain`] finds the
//! path's place and prints file, line, caret, expectation and remedy (`config/fault.rs`).
//!
//! # Families
//!
//! Sources of data, augmentations, layers, losses and optimizers are families: tables from which
//! an experiment picks by name ([`config::Member`]). A new member is one file and one line of its
//! table; the table gives the tag, the dispatch, the schema, the listing and the messages.

#![cfg_attr(not(test), warn(clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod data;
pub mod device;
pub mod guide;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod report;
pub mod storage;
pub mod train;
