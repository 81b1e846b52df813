//! Folders as people have them: `init`, `check`, `train`, `eval` and `predict` work at the first try, without a file
//! being edited.

mod labels;
mod splits;
mod starters;

use serde_json::Value;

use crate::support::world::{Run, World};

/// What five commands gave, one after the other.
pub struct Tried {
    pub init: Run,
    pub experiment: String,
    pub check: Value,
    pub train: Run,
    pub end: Value,
    pub eval: Value,
    pub predict: Run,
}

/// Runs the five commands: `init` with some arguments, then `eval` and `predict` on some data.
pub fn first_try(world: &World, init: &[&str], eval: &str, predict: &str) -> Tried {
    let init = world
        .kiln(&[&["init"], init, &["--out", "try.toml"]].concat())
        .expect_success();
    let check = world
        .kiln(&["check", "--config", "try.toml", "--json"])
        .expect_success();
    let train = world
        .kiln(&[
            "train",
            "--config",
            "try.toml",
            "--device",
            "cpu",
            "--out",
            "run",
            "--json",
            "--set",
            "train.epochs=2",
        ])
        .expect_success();
    let model = ["--model", "run/best.safetensors"];
    let eval = world
        .kiln(
            &[
                &["eval", "--json", "--device", "cpu", "--data"],
                &eval.split(' ').collect::<Vec<_>>()[..],
                &model[..],
            ]
            .concat(),
        )
        .expect_success();
    let predict = world
        .kiln(&[&["predict"], &model[..], &[predict]].concat())
        .expect_success();
    Tried {
        init,
        experiment: world.read("try.toml"),
        check: check.json().swap_remove(0),
        end: train.json().pop().expect("an end"),
        train,
        eval: eval.json().swap_remove(0),
        predict,
    }
}

const COLOURS: [[u8; 3]; 4] = [[20, 40, 200], [200, 40, 20], [30, 190, 40], [190, 180, 30]];

/// A world that is filled with images, all of them different.
pub struct Filled {
    pub world: World,
    count: u8,
}

impl Filled {
    pub fn new() -> Filled {
        Filled {
            world: World::empty(),
            count: 0,
        }
    }

    /// Images of a class, called by a pattern in which # is a number.
    pub fn class(&mut self, pattern: &str, class: usize, count: usize) -> &mut Filled {
        for number in 0..count {
            let name = pattern.replace('#', &number.to_string());
            self.count = self.count.wrapping_add(1);
            self.world.image(&name, COLOURS[class], self.count);
        }
        self
    }

    /// Images of several classes, one folder a class below a folder.
    pub fn classes(&mut self, folder: &str, classes: &[&str], count: usize) -> &mut Filled {
        for (index, class) in classes.iter().enumerate() {
            self.class(&format!("{folder}/{class}/#.png"), index, count);
        }
        self
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item.as_str().expect("a text"))
        .collect()
}

fn counts(tried: &Tried) -> [u64; 3] {
    ["num_train", "num_valid", "num_test"].map(|key| tried.check[key].as_u64().expect("a count"))
}
