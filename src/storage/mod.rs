//! The file system: opening what may be anything ([`open_regular`], [`read_bounded`]), writing so that the old
//! or the new content is there in full ([`write_output`], [`StagedFile`]), private folders, zip
//! archives ([`Zip`]), and what is removed when the program is ended ([`Temporary`]).
//!
//! Every file whose name comes from outside is opened here: a FIFO or a device in its place neither hangs the
//! program nor is replaced.

mod atomic;
mod cache_folder;
mod fault_point;
mod open;
mod output;
mod partial;
pub mod positional;
mod private;
mod runs;
mod temporary;
mod zip;

pub use atomic::{StagedFile, failure, write_atomically};
pub use cache_folder::{cache_folder, make_cache_folder};
pub use fault_point::FaultPoint;
pub use open::{open_regular, open_seekable, read_bounded, read_regular, read_text};
pub use output::{is_same_file, require_writable, write_new, write_output};
pub use partial::PartialFile;
#[cfg(unix)]
pub use private::own_user;
pub use private::{open_private, private_folder};
pub use runs::{EXPERIMENT, HISTORY, LAST, LOCK, RUNS, is_run};
pub use temporary::{
    Temporary, end_program, is_temporary, random_name, remove_temporaries_of, temporary_name,
};
pub use zip::{Zip, ZipError, ZipMember};
