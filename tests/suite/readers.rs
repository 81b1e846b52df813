//! The reader of each modality: from paths, from memory, and what happens where nobody takes the samples any more.

use std::path::Path;

use burn::tensor::Device;
use kiln::data::{Ended, Item, LabelledPath, Origin, Reader, Sample, Stopped, Subject};
use kiln::model::ModelFile;

use crate::support::world::World;

/// The reader of a model that the world has trained.
fn reader(world: &World, model: &str) -> Box<dyn Reader> {
    let model = ModelFile::open(&world.path(model), &Device::flex()).expect("a model");
    model.info.preprocess.reader()
}

/// A sample's input, which it has.
fn input(sample: &Sample) -> &[f32] {
    sample.input.as_ref().expect("an input")
}

/// All samples, and what else was handed on.
fn read(reader: &dyn Reader, origins: &[Origin<'_>]) -> (Vec<Sample>, Vec<Item>) {
    let (mut samples, mut others) = (Vec::new(), Vec::new());
    let mut sink = |item| {
        match item {
            Item::Samples(more) => samples.extend(more),
            other => others.push(other),
        }
        Ok(())
    };
    reader.read(origins, &mut sink).expect("read to the end");
    (samples, others)
}

#[test]
fn an_image_in_memory_is_read_as_its_file_is() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let reader = reader(&world, "run/best.safetensors");
    let path = world.path("valid/red/00.png");
    let bytes = std::fs::read(&path).unwrap();
    let memory = |name, bytes| Origin::Memory { name, bytes };
    let origins = [
        Origin::Path(&path),
        memory("upload.png", &bytes[..]),
        memory("broken.png", &bytes[..50]),
    ];
    let (samples, others) = read(&*reader, &origins);
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(samples[0].subject, Subject::File(path.clone()));
    assert_eq!(samples[1].subject, Subject::File("upload.png".into()));
    assert_eq!(input(&samples[0]), input(&samples[1]));
    assert!(samples[2].input.is_err());
    let (_, others) = read(&*reader, &[Origin::Path(Path::new("/no/such/*.png"))]);
    let [Item::Failed { text, .. }] = &others[..] else {
        panic!("{others:?}");
    };
    assert_eq!(text, "/no/such/*.png: matches no file");
}

#[test]
fn a_table_in_memory_is_read_as_its_file_is_and_both_stop_where_nobody_listens() {
    let world = World::empty();
    let rows: String = (0..100).map(|i| format!("{i},{}\n", i % 2)).collect();
    world.write("t.csv", format!("x,y\n{rows}"));
    world
        .kiln(&["init", "t.csv", "--target", "y"])
        .expect_success();
    world
        .kiln(&[
            "train",
            "--config",
            "t.toml",
            "--out",
            "run",
            "--set",
            "train.epochs=1",
        ])
        .expect_success();
    let reader = reader(&world, "run/best.safetensors");
    let path = world.path("t.csv");
    let bytes = std::fs::read(&path).unwrap();
    let memory = Origin::Memory {
        name: "request",
        bytes: &bytes,
    };
    let (of_file, _) = read(&*reader, &[Origin::Path(&path)]);
    let (of_memory, _) = read(&*reader, &[memory]);
    assert_eq!((of_file.len(), of_memory.len()), (100, 100));
    for (one, other) in of_file.iter().zip(&of_memory) {
        assert_eq!(input(one), input(other));
    }
    assert_eq!(of_memory[3].subject, Subject::Row("request".into(), 5));
    let (_, others) = read(
        &*reader,
        &[Origin::Memory {
            name: "request",
            bytes: b"a,b\n1,2\n",
        }],
    );
    let [Item::Failed { text, .. }] = &others[..] else {
        panic!("{others:?}");
    };
    assert!(text.contains("\"x\""), "{text}");
    for origin in [Origin::Path(&path), memory] {
        let mut batches = 0;
        let ended = reader.read(&[origin], &mut |_| {
            batches += 1;
            Err(Stopped)
        });
        assert!(matches!(ended, Err(Ended::Stopped)));
        assert_eq!(batches, 1, "nothing is read on");
    }
    // With labels, as eval does.
    let model = ModelFile::open(&world.path("run/best.safetensors"), &Device::flex()).unwrap();
    let labelled = reader
        .labelled(&LabelledPath {
            path: &path,
            tables: &[],
            task: &model.info.task,
            data: &model.info.experiment.data,
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(labelled.dataset.len(), 100);
}

#[test]
fn a_text_in_memory_is_read_as_its_file_is() {
    let world = World::empty();
    for (class, words) in [("good", "fine lovely great"), ("bad", "dull awful poor")] {
        for number in 0..12 {
            world.write(
                &format!("train/{class}/{number}.txt"),
                format!("{words} {number}"),
            );
        }
    }
    world.kiln(&["init", "train"]).expect_success();
    world
        .kiln(&[
            "train",
            "--config",
            "train.toml",
            "--out",
            "run",
            "--set",
            "train.epochs=1",
        ])
        .expect_success();
    let reader = reader(&world, "run/best.safetensors");
    let path = world.path("train/good/3.txt");
    let bytes = std::fs::read(&path).unwrap();
    let memory = Origin::Memory {
        name: "request",
        bytes: &bytes,
    };
    let (samples, _) = read(&*reader, &[memory, Origin::Path(&path)]);
    assert_eq!(
        samples[0].subject,
        Subject::Text("fine lovely great 3".into())
    );
    assert_eq!(input(&samples[0]), input(&samples[1]));
    assert!(samples[0].input.is_ok());
}
