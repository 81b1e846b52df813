//! How much memory the machine has for this program.

use std::path::Path;

use crate::storage::read_text;

/// The limit of the program's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// Bytes that can still be taken.
    pub bytes: u64,
    /// In words that follow the number: "are free on this machine".
    pub why: &'static str,
}

/// The assumed memory if the system does not report it: 1 TiB, which no sensible request exceeds.
const UNKNOWN: MemoryLimit = MemoryLimit {
    bytes: 1 << 40,
    why: "is the most that this program takes where the system does not tell how much is free",
};

/// The memory that can be taken now: what the system can give without swapping, or with its swap; what the limit of the
/// control group (of a container) leaves; what `ulimit -v` leaves. The least of them.
pub fn memory_limit() -> MemoryLimit {
    let machine = machine().map(|bytes| MemoryLimit {
        bytes,
        why: "is free on this machine",
    });
    let group = group().map(|bytes| MemoryLimit {
        bytes,
        why: "is what the limit of this container or control group leaves",
    });
    let process = address_space().map(|bytes| MemoryLimit {
        bytes,
        why: "is what `ulimit -v` leaves",
    });
    let all = [machine, group, process].into_iter().flatten();
    all.min_by_key(|limit| limit.bytes).unwrap_or(UNKNOWN)
}

/// The limit for the memory of another device, which is not known.
pub fn unknown_memory() -> MemoryLimit {
    UNKNOWN
}

fn machine() -> Option<u64> {
    let text = read(Path::new("/proc/meminfo"))?;
    let available = field(&text, "MemAvailable:")?;
    Some((available + field(&text, "SwapFree:").unwrap_or(0)) * 1024)
}

/// The content of a file of the system.
fn read(path: &Path) -> Option<String> {
    read_text(path, 1 << 20).ok()
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The least that the control groups of this process leave, from its own to the outermost.
fn group() -> Option<u64> {
    let text = read(Path::new("/proc/self/cgroup"))?;
    let groups = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, kinds, path) = (parts.next()?, parts.next()?, parts.next()?);
        match kinds {
            "" => Some(("/sys/fs/cgroup", path, &V2)),
            kinds if kinds.split(',').any(|kind| kind == "memory") => {
                Some(("/sys/fs/cgroup/memory", path, &V1))
            }
            _ => None,
        }
    });
    // In a container the path may be that of the host: then there is only the root.
    let left = groups.flat_map(|(root, path, names)| {
        let inner = Path::new(root).join(path.trim_start_matches('/'));
        let own: Vec<_> = inner.ancestors().map(Path::to_path_buf).collect();
        let within = own.into_iter().filter(move |group| group.starts_with(root));
        within.filter_map(move |group| left_in(&group, names))
    });
    left.min()
}

/// The files of a control group: limit, use, and what of the use the system takes back when it is needed.
struct Names {
    limit: &'static str,
    used: &'static str,
    cache: &'static str,
}

const V2: Names = Names {
    limit: "memory.max",
    used: "memory.current",
    cache: "inactive_file ",
};

const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: "total_inactive_file ",
};

fn left_in(group: &Path, names: &Names) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        let text = read(&group.join(name))?;
        text.trim().parse().ok() // "max" is no number
    };
    let (limit, used) = (number(names.limit)?, number(names.used)?);
    let stat = read(&group.join("memory.stat")).unwrap_or_default();
    let cache = field(&stat, names.cache).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cache)))
}

fn address_space() -> Option<u64> {
    let limits = read(Path::new("/proc/self/limits"))?;
    let limit = field(&limits, "Max address space")?; // "unlimited" is no number
    let status = read(Path::new("/proc/self/status"))?;
    Some(limit.saturating_sub(field(&status, "VmSize:")? * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "MemTotal:       100 kB\nMemAvailable:    42 kB\nSwapFree: x\n";
        assert_eq!(field(text, "MemAvailable:"), Some(42));
        assert_eq!(field(text, "SwapFree:"), None);
        assert_eq!(field(text, "MemFree:"), None);
    }

    #[test]
    fn a_group_leaves_its_limit_without_what_is_used_but_for_the_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        assert_eq!(left_in(folder.path(), &V2), None);
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(left_in(folder.path(), &V2), None, "no limit");
        write("memory.max", "1000\n");
        write("memory.stat", "anon 500\ninactive_file 200\n");
        assert_eq!(left_in(folder.path(), &V2), Some(500));
    }

    #[test]
    fn this_machine_has_some_memory() {
        let limit = memory_limit();
        assert!(limit.bytes > 1 << 20, "{limit:?}");
        assert!(limit.bytes <= UNKNOWN.bytes || cfg!(target_os = "linux"));
    }
}
