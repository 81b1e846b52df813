//! Errors of tar archives.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::console::Show as _;
use crate::data::core::class_names::DifferentClasses;

/// Why an archive is not read to its end, in words that follow "cannot be read: ".
#[derive(Debug, Error)]
pub enum TarError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A header that cannot be.
    #[error("it is damaged or no tar archive ({damage}, before byte {at})")]
    Damaged {
        /// What is wrong with it.
        damage: Damage,
        /// Where it ends, bytes from the beginning.
        at: u64,
    },
    /// A member that is cut off.
    #[error(
        "it ends early: of {name}, its last member, it holds {held} of {size} bytes; fetch it again, or \
         take it from the list"
    )]
    Cut {
        /// The member's name, as messages show it.
        name: String,
        /// Bytes of it that there are.
        held: u64,
        /// Bytes that its header claims.
        size: u64,
    },
    /// A compressed archive.
    #[error("it is compressed, and samples are read by place; unpack it with gunzip")]
    Compressed,
}

/// What is wrong with a header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// A size that is no number.
    #[error("the size of a member is no number")]
    SizeNotNumber,
    /// A size that no file has.
    #[error("a member's size is no size")]
    Size,
    /// The archive ends in it.
    #[error("it ends within {0}")]
    EndsWithin(&'static str),
    /// A checksum of other bytes.
    #[error("a header's checksum is wrong")]
    Checksum,
    /// A name or extended header that is too long.
    #[error("{what} claims {size} bytes, more than {most}")]
    Long {
        /// What it is.
        what: &'static str,
        /// Bytes that it claims.
        size: u64,
        /// The limit, bytes.
        most: u64,
    },
}

/// Why an archive without labels cannot be used, or an image in it, in words that follow its name.
#[derive(Debug, Error)]
pub enum MemberError {
    /// An archive that is not read to its end.
    #[error("cannot be read: {0}")]
    Tar(TarError),
    /// The system refuses.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// More bytes than an image of the allowed pixels has.
    #[error("is too large: {0} bytes")]
    Large(u64),
}

/// Why names and patterns of archives cannot be used, in words that follow the key.
#[derive(Debug, Error)]
pub enum ShardsError {
    /// A pattern that is none.
    #[error("is {name:?}, no pattern: {error}")]
    Pattern {
        /// The pattern.
        name: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// A name of no file.
    #[error("is {pattern:?}, and there is no file {name}")]
    NoFile {
        /// What the user wrote.
        pattern: String,
        /// The name that it stands for.
        name: String,
    },
    /// A range that is not of numbers.
    #[error("is {pattern:?}, expected numbers in {{{first}..{last}}}")]
    NoNumbers {
        /// What the user wrote.
        pattern: String,
        /// Where the range begins.
        first: String,
        /// Where it ends.
        last: String,
    },
    /// A range that goes backward, or is too long.
    #[error("is {pattern:?}, whose range {from} to {to} is no range")]
    Range {
        /// What the user wrote.
        pattern: String,
        /// Where the range begins.
        from: usize,
        /// Where it ends.
        to: usize,
    },
    /// An archive that is not read to its end.
    #[error("holds {}, which cannot be read: {error}", .shard.shown())]
    Tar {
        /// The archive.
        shard: PathBuf,
        /// The reason.
        error: TarError,
    },
}

/// Why labelled archives do not fit a model, in words that follow the pattern.
#[derive(Debug, Error)]
pub enum ArchivesError {
    /// Archives that cannot be used at all.
    #[error(transparent)]
    Shards(#[from] ShardsError),
    /// Other classes than those of the model.
    #[error(transparent)]
    Classes(#[from] DifferentClasses),
    /// No image with a label.
    #[error("holds no labelled image")]
    Empty,
}
