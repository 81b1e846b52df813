//! `kiln synth`

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use super::shared::quoted;
use crate::cli::{ShapesArgs, SynthArgs, SynthKind};
use crate::console::{out, shown};
use crate::data::image::synth::{SHAPES, draw_shape};
use crate::storage::Temporary;

pub fn run(args: &SynthArgs) -> anyhow::Result<u8> {
    let SynthKind::Shapes(shapes) = &args.kind;
    require_empty(&shapes.out)?;
    let unfinished = Unfinished::begin(&shapes.out);
    for (split, offset, count) in [
        ("train", 0, shapes.train),
        ("valid", shapes.train, shapes.valid),
    ] {
        match shapes.per_shard {
            Some(per_shard) => write_shards(shapes, split, offset, count, per_shard as usize)?,
            None => {
                for class in 0..SHAPES.len() {
                    write_class(shapes, split, class, offset, count)?;
                }
            }
        }
    }
    let total = (shapes.train + shapes.valid) * SHAPES.len();
    let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    unfinished.keep();
    let mut output = out();
    writeln!(
        output,
        "wrote {total} images of {} into {}",
        names.join(", "),
        shown(&shapes.out)
    )?;
    if shapes.per_shard.is_none() {
        writeln!(output, "  kiln init {}", quoted(&shapes.out))?;
    }
    Ok(0)
}

/// A dataset that is being written; removed if that fails or the program is killed.
struct Unfinished(Vec<Temporary>);

impl Unfinished {
    /// All that is written to a folder that was empty before; the folder stays where it was there.
    fn begin(out: &Path) -> Unfinished {
        let paths: Vec<PathBuf> = match out.exists() {
            true => ["train", "valid"].map(|split| out.join(split)).to_vec(),
            false => vec![out.to_path_buf()],
        };
        let guarded = paths.into_iter();
        // They are not there yet, so there is nothing to make.
        let guarded = guarded.filter_map(|path| Temporary::folder(&path, || Ok(())).ok());
        Unfinished(guarded.collect())
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for folder in self.0.drain(..) {
            folder.remove();
        }
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn require_empty(folder: &Path) -> anyhow::Result<()> {
    if let Ok(mut entries) = std::fs::read_dir(folder)
        && entries.next().is_some()
    {
        bail!(
            "--out {} exists and is not empty; choose another folder",
            shown(folder)
        );
    }
    Ok(())
}

/// Images are numbered through both splits, so that no two are the same.
fn write_class(
    args: &ShapesArgs,
    split: &str,
    class: usize,
    offset: usize,
    count: usize,
) -> anyhow::Result<()> {
    let folder = args.out.join(split).join(SHAPES[class].name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder {}", shown(&folder)))?;
    (0..count).into_par_iter().try_for_each(|index| {
        let file = folder.join(file_name(args, offset + index));
        let image = encode(args, class, offset + index)?;
        create(&file)
            .and_then(|mut file| file.write_all(&image))
            .with_context(|| format!("cannot write {}", shown(&file)))
    })
}

/// All names have the same number of digits, so that their order is that of the numbers.
fn file_name(args: &ShapesArgs, number: usize) -> String {
    let width = (args.train + args.valid).to_string().len().max(5);
    format!("{number:0width$}.png")
}

fn encode(args: &ShapesArgs, class: usize, number: usize) -> anyhow::Result<Vec<u8>> {
    let image = draw_shape(class, args.size as usize, args.seed, number as u64);
    let mut bytes = Cursor::new(Vec::new());
    let color = image::ColorType::Rgb8;
    image::write_buffer_with_format(
        &mut bytes,
        &image.bytes,
        args.size,
        args.size,
        color,
        image::ImageFormat::Png,
    )?;
    Ok(bytes.into_inner())
}

/// Writes archives of `per_shard` images, the classes in turn: `train-00000.tar`, ...
fn write_shards(
    args: &ShapesArgs,
    split: &str,
    offset: usize,
    count: usize,
    per_shard: usize,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create the folder {}", shown(&args.out)))?;
    let total = count * SHAPES.len();
    (0..total.div_ceil(per_shard))
        .into_par_iter()
        .try_for_each(|shard| {
            let path = args.out.join(format!("{split}-{shard:05}.tar"));
            let write = || -> anyhow::Result<()> {
                let (file, guard) = Temporary::file(&path, || create(&path))?;
                let unfinished = Unfinished(vec![guard]);
                let mut archive = tar::Builder::new(BufWriter::new(file));
                for sample in shard * per_shard..total.min((shard + 1) * per_shard) {
                    let (class, number) = (sample % SHAPES.len(), offset + sample / SHAPES.len());
                    let name = format!("{}/{}", SHAPES[class].name, file_name(args, number));
                    let bytes = encode(args, class, number)?;
                    let mut header = tar::Header::new_gnu();
                    header.set_size(bytes.len() as u64);
                    header.set_mode(0o644);
                    header.set_cksum();
                    archive.append_data(&mut header, name, bytes.as_slice())?;
                }
                archive.into_inner()?.flush()?;
                unfinished.keep();
                Ok(())
            };
            write().with_context(|| format!("cannot write {}", shown(&path)))
        })
}
