//! A temporary folder with images and an experiment, and the program run inside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// What a run of the program gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Every line of standard output as JSON.
    pub fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    pub fn expect_success(self) -> Run {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    pub fn expect_failure(self) -> Run {
        assert_eq!(self.code, 1, "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

pub struct World {
    folder: TempDir,
}

/// A net that learns red from blue in a few steps.
pub const EXPERIMENT: &str = r#"name = "colours"
seed = 3

[data]
kind = "image-folder"
train = "train"
valid = "valid"
size = [8, 8]
channels = 3

[preprocess]
divide_by = 255

[augment]
horizontal_flip = true
rotation = 10

[model]
layers = [
  { conv2d = { filters = 4, kernel = 3, activation = "relu" } },
  { max_pool2d = { size = 2 } },
  { flatten = {} },
  { dense = { units = 1 } },
]

[train]
epochs = 4
batch_size = 4
loss = "binary_cross_entropy"
optimizer = { adam = { learning_rate = 0.01 } }
"#;

/// A table of which `y` is to be predicted, a number.
pub const TABLE: &str = "x,y\n1,2.5\n2,4.25\n3,6.5\n4,8.125\n5,10.5\n6,12.75\n7,14.5\n8,16.25\n\
9,18.5\n10,20.75\n";

impl World {
    /// An empty folder.
    pub fn empty() -> World {
        World {
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// `train` and `valid` with the classes `blue` and `red`, and `experiment.toml`.
    pub fn colours() -> World {
        let world = World::empty();
        let mut variety = 0;
        for (split, count) in [("train", 12), ("valid", 6)] {
            for (class, colour) in [("blue", [20, 40, 220]), ("red", [220, 40, 20])] {
                for number in 0..count {
                    let name = format!("{split}/{class}/{number:02}.png");
                    world.image(&name, colour, variety);
                    variety += 1;
                }
            }
        }
        world.write("experiment.toml", EXPERIMENT);
        world
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        std::fs::write(path, content).expect("the file can be written");
    }

    /// A 10 x 12 image of about one colour; `variety` tells images apart.
    pub fn image(&self, name: &str, colour: [u8; 3], variety: u8) {
        let image = RgbImage::from_fn(10, 12, |x, y| {
            let place = (x * 31 + y) * 257 + u32::from(variety);
            let noise = (place.wrapping_mul(2_654_435_761) >> 20) % 23;
            Rgb(colour.map(|level| level.saturating_add(noise as u8)))
        });
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("the folder can be made");
        image.save(path).expect("the image can be written");
    }

    /// The program with this folder as its working folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("KILN_CACHE_DIR", self.path("cache"))
            .envs(self.folders_of_weights())
            .stdin(Stdio::null());
        command
    }

    /// Where weights are looked for: nowhere outside of this folder.
    fn folders_of_weights(&self) -> [(&'static str, PathBuf); 3] {
        let folder = |name| self.path(name);
        [
            ("KILN_WEIGHTS", folder("weights")),
            ("TORCH_HOME", folder("torch")),
            ("HF_HUB_CACHE", folder("hub")),
        ]
    }

    pub fn kiln(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments))
    }

    /// A command line as a user types it into a shell, with the program on the search path; no GPU is used.
    pub fn shell(&self, line: &str) -> Run {
        let program = Path::new(env!("CARGO_BIN_EXE_kiln"));
        let folder = program.parent().expect("the program lies in a folder");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&others));
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(self.folder.path())
            .env(
                "PATH",
                std::env::join_paths(folders).expect("a search path"),
            )
            .env("KILN_CACHE_DIR", self.path("cache"))
            .envs(self.folders_of_weights())
            .env("VK_DRIVER_FILES", "/dev/null")
            .env("VK_ICD_FILENAMES", "/dev/null")
            .stdin(Stdio::null());
        finish(command)
    }

    /// Trains `experiment.toml` on the CPU into `run`.
    pub fn train(&self, more: &[&str]) -> Run {
        let base = [
            "train",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--out",
            "run",
        ];
        self.kiln(&[&base[..], more].concat())
    }

    /// The same into a folder that `more` names.
    pub fn train_into(&self, more: &[&str]) -> Run {
        let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
        self.kiln(&[&base[..], more].concat())
    }

    /// Text without this folder's name.
    pub fn anonymous(&self, text: &str) -> String {
        let real = self
            .folder
            .path()
            .canonicalize()
            .expect("the folder exists");
        text.replace(&real.display().to_string(), "DIR")
            .replace(&self.folder.path().display().to_string(), "DIR")
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

pub fn finish(mut command: Command) -> Run {
    let output = command.output().expect("the program starts");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Fails unless the text has all the parts.
#[track_caller]
pub fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// Fails unless the run failed and told all the parts.
#[track_caller]
pub fn refused(run: Run, parts: &[&str]) {
    holds(&run.expect_failure().stderr, parts);
}
