//! The files that the commands of the guide's pages take.

use super::page::project;
use crate::support::world::World;

/// The files that the pages' commands take, and links to the project's experiments and data.
pub fn fixtures() -> World {
    let world = World::empty();
    let colours = [("cats", [220, 40, 20]), ("dogs", [20, 40, 220])];
    let folders = [("photos", 0..12), ("test-photos", 12..18)];
    for (class, (name, colour)) in colours.into_iter().enumerate() {
        for (folder, numbers) in folders.clone() {
            for number in numbers {
                let file = format!("{folder}/{name}/{number}.png");
                world.image(&file, colour, number + 100 * class as u8);
            }
        }
    }
    world.image("new.jpg", [210, 50, 30], 250);
    world.write("houses.csv", houses(0..120));
    world.write("more-houses.csv", houses(120..150));
    world.write("reviews.csv", reviews(0..80));
    world.write("more-reviews.csv", reviews(80..100));
    world.write("animals.csv", animals());
    world.write("films.csv", films());
    for (name, fixture) in [
        ("checkpoint.pth", "checkpoint.pth"),
        ("model.weights.h5", "keras.weights.h5"),
    ] {
        let folder = project().join("tests/fixtures/weights");
        world.write(
            name,
            std::fs::read(folder.join(fixture)).expect("a fixture"),
        );
    }
    for name in ["configs", "data"] {
        std::os::unix::fs::symlink(project().join(name), world.path(name))
            .expect("a link can be made");
    }
    world
}

fn houses(rows: std::ops::Range<usize>) -> String {
    let mut text = String::from("size,garden,postcode,street,remarks,price\n");
    for row in rows {
        let (size, place) = (20 + row * 7 % 90, row % 3);
        let garden = match row % 17 {
            5 => String::new(),
            _ => (row * 13 % 400).to_string(),
        };
        let street = ["Hill Road", "Lake Street", "Mill Lane", "High Street"][row * 5 % 4];
        let remarks = ["quiet", "near the lake", "new roof", "with a view"][row * 11 % 4];
        let price = 1000 * size + 20_000 * place + 137 * (row * 31 % 7);
        let postcode = 4051 + place;
        text.push_str(&format!(
            "{size},{garden},{postcode},{street},\"{remarks}, no. {row}\",{price}\n"
        ));
    }
    text
}

fn reviews(rows: std::ops::Range<usize>) -> String {
    let words = ["film", "plot", "actor", "scene", "music", "end"];
    let mut text = String::from("text,label\n");
    for row in rows {
        let (thing, other) = (words[row % 6], words[(row / 6) % 6]);
        let (mood, label) = [("a quiet triumph", "good"), ("simply dull", "bad")][row % 2];
        text.push_str(&format!(
            "\"The {thing}, no. {row}, and the {other}: {mood}!\",{label}\n"
        ));
    }
    text
}

fn animals() -> String {
    let mut text = String::from("length,age,species,weight\n");
    for row in 0..90 {
        let length = row * 7 % 90;
        let species = ["cat", "dog", "emu"][length / 30];
        let (age, weight) = (row * 31 % 17, 40 * length + 137 * (row * 31 % 7));
        text.push_str(&format!("{length},{age},{species},{weight}\n"));
    }
    text
}

fn films() -> String {
    let mut text = String::from("jokes,tears,comedy,drama\n");
    for row in 0..90 {
        let (jokes, tears) = (row * 7 % 50, row * 11 % 40);
        let (comedy, drama) = (u8::from(jokes > 25), u8::from(tears > 15));
        text.push_str(&format!("{jokes},{tears},{comedy},{drama}\n"));
    }
    text
}
