//! `kiln synth`

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, bail};
use rayon::prelude::*;

use crate::cli::{ShapesArgs, SynthArgs, SynthKind};
use crate::data::synth::{SHAPES, draw_shape};

pub fn run(args: &SynthArgs) -> anyhow::Result<u8> {
    let SynthKind::Shapes(shapes) = &args.kind;
    require_empty(&shapes.out)?;
    for (split, offset, count) in [
        ("train", 0, shapes.train),
        ("valid", shapes.train, shapes.valid),
    ] {
        for class in 0..SHAPES.len() {
            write_class(shapes, split, class, offset, count)?;
        }
    }
    let total = (shapes.train + shapes.valid) * SHAPES.len();
    let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    let out = shapes.out.display();
    writeln!(
        stdout(),
        "wrote {total} pictures of {} into {out}",
        names.join(", ")
    )?;
    writeln!(stdout(), "  kiln init {out}")?;
    Ok(0)
}

fn require_empty(folder: &Path) -> anyhow::Result<()> {
    if let Ok(mut entries) = std::fs::read_dir(folder)
        && entries.next().is_some()
    {
        bail!(
            "--out {} exists and is not empty; choose another folder",
            folder.display()
        );
    }
    Ok(())
}

/// Pictures are numbered through both splits, so that no two are the same.
fn write_class(
    args: &ShapesArgs,
    split: &str,
    class: usize,
    offset: usize,
    count: usize,
) -> anyhow::Result<()> {
    let folder = args.out.join(split).join(SHAPES[class].name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    (0..count).into_par_iter().try_for_each(|index| {
        let picture = draw_shape(
            class,
            args.size as usize,
            args.seed,
            (offset + index) as u64,
        );
        let file = folder.join(format!("{:05}.png", offset + index));
        image::save_buffer(
            &file,
            &picture.bytes,
            args.size,
            args.size,
            image::ColorType::Rgb8,
        )
        .with_context(|| format!("cannot write {}", file.display()))
    })
}
