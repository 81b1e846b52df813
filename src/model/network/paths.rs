//! Where the experiment has the layers.

use crate::config::Path;

/// Of the trunk.
pub(super) fn trunk_path() -> Path {
    Path::parse("model.layers")
}

/// Of all heads.
pub(super) fn heads_path() -> Path {
    Path::parse("model.heads")
}

/// Of the head with this name.
pub(super) fn head_path(name: &str) -> Path {
    heads_path().key(name)
}
