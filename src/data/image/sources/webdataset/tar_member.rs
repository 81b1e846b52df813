//! A member of a tar archive, and the links from one member to another.

use std::collections::HashMap;

/// A member of an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// As the archive holds it; bytes that are not Unicode are replaced.
    pub name: Box<str>,
    /// Where its bytes lie.
    pub content: Content,
}

/// Where the bytes of a member lie, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the archive.
    Bytes {
        /// From the archive's beginning, bytes.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// Those of another member, by its normal name.
    Link(Box<str>),
    /// It is a folder.
    Folder,
    /// It is no file that can be read.
    Nothing(&'static str),
}

/// A link that leads over more links goes round in a circle.
pub const MAX_LINKS: usize = 16;
/// Why a link out of the archive is no sample.
pub const LINK_AWAY: &str = "a link to something outside the archive";

/// A name without "." and ".."; `None` if it leads out of the archive.
pub fn normal(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What a symbolic link points to, which lies in the folder of the member called `name`.
pub fn beside(name: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    normal(&format!("{folder}/{target}"))
}

/// Gives links the bytes of the members that they name.
pub fn resolve_links(members: &mut [Member]) {
    if !members
        .iter()
        .any(|member| matches!(member.content, Content::Link(_)))
    {
        return;
    }
    let named: HashMap<String, Content> = members
        .iter()
        .filter_map(|member| Some((normal(&member.name)?, member.content.clone())))
        .collect();
    for member in members {
        let mut links = 0;
        while let Content::Link(target) = &member.content {
            links += 1;
            member.content = match named.get(&**target) {
                Some(content) if links <= MAX_LINKS => content.clone(),
                _ => Content::Nothing(LINK_AWAY),
            };
        }
    }
}
