//! Where files of weights lie on this machine: the user's folder, our own, and the caches of PyTorch and Hugging Face.

use std::fmt;
use std::path::{Path, PathBuf};

use super::catalogue::{CATALOGUE, CatalogueEntry, catalogue_entry};
use crate::console::shown;
use crate::storage::cache_folder;

/// Files of a Hugging Face repository that hold its weights, the first that is there counts.
const HUB_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// A folder in which files of weights may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsFolder {
    /// Files by their names.
    Flat(PathBuf),
    /// Hugging Face's cache: `models--OWNER--NAME/snapshots/REVISION/FILE`.
    HuggingFace(PathBuf),
}

impl WeightsFolder {
    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            WeightsFolder::Flat(path) | WeightsFolder::HuggingFace(path) => path,
        }
    }

    /// The file of that name in it; in Hugging Face's cache `name` is a file's, or `OWNER/NAME` of a repository, with
    /// `/FILE` where it is not the usual one.
    fn find(&self, name: &str) -> Option<PathBuf> {
        match self {
            WeightsFolder::Flat(folder) => {
                let is_plain = !name.contains(['/', '\\']);
                is_plain
                    .then(|| folder.join(name))
                    .filter(|path| path.is_file())
            }
            WeightsFolder::HuggingFace(cache) => {
                let parts: Vec<&str> = name.split('/').collect();
                match parts[..] {
                    [file] => {
                        let mut found = repositories(cache).into_iter();
                        found.find_map(|repository| in_repository(&repository, &[file]))
                    }
                    [owner, repository] => {
                        let folder = cache.join(format!("models--{owner}--{repository}"));
                        in_repository(&folder, &HUB_FILES)
                    }
                    [owner, repository, file] => {
                        let folder = cache.join(format!("models--{owner}--{repository}"));
                        in_repository(&folder, &[file])
                    }
                    _ => None,
                }
            }
        }
    }
}

fn sorted_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

fn repositories(cache: &Path) -> Vec<PathBuf> {
    let mut all = sorted_folders(cache);
    all.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("models--")
    });
    all
}

/// A file of a repository: in the revision that is `main`, else in any other.
fn in_repository(repository: &Path, files: &[&str]) -> Option<PathBuf> {
    let main = crate::storage::read_text(&repository.join("refs/main"), 256).ok();
    let mut snapshots = sorted_folders(&repository.join("snapshots"));
    snapshots.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        main.as_deref().map(str::trim) != Some(&*name)
    });
    let mut paths = snapshots
        .iter()
        .flat_map(|snapshot| files.iter().map(|file| snapshot.join(file)));
    paths.find(|path| path.is_file())
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// The user's cache folder as PyTorch and Hugging Face take it, on every system.
fn dot_cache() -> Option<PathBuf> {
    let home = || etcetera::home_dir().ok().map(|home| home.join(".cache"));
    variable("XDG_CACHE_HOME").or_else(home)
}

/// The folder named by `KILN_WEIGHTS`.
fn own_choice() -> Option<PathBuf> {
    variable("KILN_WEIGHTS")
}

/// Where `kiln weights get` puts files: the folder named by `KILN_WEIGHTS`, else `weights` in Kiln's cache folder.
pub fn download_folder() -> PathBuf {
    own_choice().unwrap_or_else(|| cache_folder().join("weights"))
}

/// Every folder in which weights are looked for, in this order.
pub fn weights_folders() -> Vec<WeightsFolder> {
    let torch = variable("TORCH_HOME").or_else(|| Some(dot_cache()?.join("torch")));
    let hub = variable("HF_HUB_CACHE")
        .or_else(|| variable("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| Some(variable("HF_HOME")?.join("hub")))
        .or_else(|| Some(dot_cache()?.join("huggingface/hub")));
    let flat = [
        own_choice(),
        Some(cache_folder().join("weights")),
        torch.map(|torch| torch.join("hub/checkpoints")),
    ];
    let flat = flat.into_iter().flatten().map(WeightsFolder::Flat);
    flat.chain(hub.map(WeightsFolder::HuggingFace)).collect()
}

/// The file of that name in one of the folders; none that comes from outside of them.
pub fn find_in_folders(name: &str) -> Option<PathBuf> {
    weights_folders()
        .iter()
        .find_map(|folder| folder.find(name))
}

/// Finds the file that an experiment names: a path, relative to `folder`; a file's name in one of the folders of
/// weights; a name of the catalogue; `OWNER/NAME` of a repository in Hugging Face's cache.
///
/// # Errors
/// A file that is not on this machine, with the command that fetches it.
pub fn find_weights(name: &str, folder: &Path) -> Result<PathBuf, WeightsNotFound> {
    let path = folder.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let entry = catalogue_entry(name);
    let file = entry.map_or(name, |entry| entry.file);
    let found = find_in_folders(file).or_else(|| find_in_folders(name));
    found.ok_or_else(|| WeightsNotFound {
        name: name.to_string(),
        entry: entry.or_else(|| nearest(name)),
        is_known: entry.is_some(),
        path,
    })
}

/// The entry with the most similar name.
fn nearest(name: &str) -> Option<&'static CatalogueEntry> {
    let likeness = |entry: &CatalogueEntry| {
        let names = [entry.name, entry.file].map(|known| strsim::jaro_winkler(name, known));
        names[0].max(names[1])
    };
    let scored = CATALOGUE.iter().map(|entry| (likeness(entry), entry));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score > 0.9)
        .map(|(_, entry)| entry)
}

/// A file of weights that is not on this machine.
#[derive(Debug)]
pub struct WeightsNotFound {
    name: String,
    entry: Option<&'static CatalogueEntry>,
    is_known: bool,
    path: PathBuf,
}

impl WeightsNotFound {
    /// The command that fetches the file, or lists those that there are.
    pub fn remedy(&self) -> String {
        match self.entry {
            Some(entry) if self.is_known => format!("kiln weights get {}", entry.name),
            Some(entry) => format!(
                "did you mean {}? `kiln weights` lists the files there are",
                entry.file
            ),
            None => "`kiln weights` lists the files that can be fetched, and the folders that are searched".into(),
        }
    }
}

impl std::error::Error for WeightsNotFound {}

impl fmt::Display for WeightsNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = super::error::shown_name(&self.name);
        write!(
            f,
            "the weights {name} are not on this machine: there is no {}, and none in the folders of weights; ",
            shown(&self.path)
        )?;
        match self.is_known {
            true => write!(f, "fetch them with `{}`", self.remedy()),
            false => f.write_str(&self.remedy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, "x").expect("written");
    }

    #[test]
    fn hugging_face_s_cache_is_searched_by_repository_and_by_file() {
        let cache = tempfile::tempdir().expect("a folder");
        let repository = cache.path().join("models--timm--resnet18.a1_in1k");
        for revision in ["aaa", "bbb"] {
            put(&repository
                .join("snapshots")
                .join(revision)
                .join("model.safetensors"));
        }
        std::fs::create_dir_all(repository.join("refs")).expect("made");
        std::fs::write(repository.join("refs/main"), "bbb\n").expect("written");
        put(&cache
            .path()
            .join("models--a--b/snapshots/c/resnet18-f37072fd.pth"));
        let folder = WeightsFolder::HuggingFace(cache.path().to_path_buf());
        let found = folder.find("timm/resnet18.a1_in1k").expect("there");
        assert!(
            found.ends_with("snapshots/bbb/model.safetensors"),
            "{found:?}"
        );
        assert!(folder.find("resnet18-f37072fd.pth").is_some());
        assert!(folder.find("a/b/resnet18-f37072fd.pth").is_some());
        for name in ["a/b", "a/b/c", "resnet34", "", "a/b/c/d", "../x"] {
            assert_eq!(folder.find(name), None, "{name}");
        }
    }

    #[test]
    fn a_plain_folder_gives_files_of_its_own_only() {
        let outer = tempfile::tempdir().expect("a folder");
        put(&outer.path().join("in/a.pth"));
        put(&outer.path().join("b.pth"));
        let folder = WeightsFolder::Flat(outer.path().join("in"));
        assert!(folder.find("a.pth").is_some());
        for name in ["../b.pth", "..", ".", "", "c.pth"] {
            assert_eq!(folder.find(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_one_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = |name: &str| match find_weights(name, folder.path()) {
            Ok(path) => panic!("{path:?}"),
            Err(error) => error.to_string(),
        };
        assert!(told("vgg16-397923af.pth").ends_with("fetch them with `kiln weights get vgg16`"));
        assert!(told("vgg16-397923ff.pth").contains("did you mean vgg16-397923af.pth?"));
        assert!(told("mine.pth").contains("`kiln weights` lists the files"));
        put(&folder.path().join("mine.pth"));
        let found = find_weights("mine.pth", folder.path()).expect("there");
        assert_eq!(found, folder.path().join("mine.pth"));
    }
}
