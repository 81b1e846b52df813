//! `kiln preview`: samples before and after augmentation, on one sheet.

use std::io::Write;

use anyhow::bail;
use serde_json::json;

use super::shared::{inputs_of, load, require_apart};
use crate::cli::PreviewArgs;
use crate::console::{json_path, out, shown, visible};
use crate::data::{Dataset, HostBatch, HostTargets, LeftOut, Shape, Skipped};
use crate::report::{Sheet, left_out_json, left_out_of, tables};
use crate::storage::{require_writable, write_output};
use crate::train::Plan;

/// The most pixels of a sheet.
const MAX_PIXELS: usize = 100_000_000;

pub fn run(args: PreviewArgs) -> anyhow::Result<u8> {
    let (source, _) = load(&args.experiment)?;
    require_apart(&args.out, &inputs_of(&source, &args.experiment.config))?;
    require_writable(&args.out)?;
    let plan = Plan::check(source)?;
    let summary = plan.survey.summary();
    let classes = summary.task.classes().to_vec();
    let (left_out, note) = (summary.left_out.clone(), left_out_of(summary));
    for warning in &summary.warnings {
        crate::say!("warning: {warning}");
    }
    let augments = plan.augmentation.is_some();
    let (dataset, skipped) = plan.survey.few(args.samples as usize, plan.augmentation);
    if let Some(text) = tables::skipped(&skipped, ["file", "files"]) {
        crate::say!("warning: {text}");
    }
    if dataset.is_empty() {
        bail!("no training image can be used");
    }
    if !augments && !args.json {
        crate::say!("note: [augment] changes nothing; the sheet shows the images as preprocessed");
    }
    let epochs = if augments { args.epochs as u64 } else { 0 };
    let columns = columns(&*dataset, &classes, epochs)?;
    let sheet = Sheet::new(columns.iter().map(|column| &column.images[..]).collect());
    write_output(&args.out, &sheet.png()?)?;
    print(&args, &*dataset, &columns, &skipped, &left_out)?;
    if let Some(text) = note.filter(|_| !args.json) {
        crate::say!("note: {text}");
    }
    Ok(0)
}

/// One column of the sheet: every sample, changed in the same way.
struct Column {
    title: String,
    images: Vec<Image>,
}

type Image = crate::data::Pixels;

/// The samples as preprocessed, in each epoch, and mixed in each epoch.
fn columns(dataset: &dyn Dataset, classes: &[String], epochs: u64) -> anyhow::Result<Vec<Column>> {
    let Shape::Image { height, width, .. } = dataset.shape() else {
        bail!("the samples are no images, there is nothing to look at");
    };
    let mixed = if dataset.mix().is_some() { epochs } else { 0 };
    let count = 1 + epochs as usize + mixed as usize;
    if count * dataset.len() * height * width > MAX_PIXELS {
        bail!(
            "the sheet would have more than {MAX_PIXELS} pixels; ask for fewer --samples or --epochs"
        );
    }
    let mut columns = vec![Column {
        title: "as preprocessed".into(),
        images: images(&batch(dataset, None)?.input, dataset.shape()),
    }];
    let mut last = Vec::new();
    for epoch in 0..epochs {
        let mut batch = batch(dataset, Some(epoch))?;
        columns.push(Column {
            title: format!("epoch {}", epoch + 1),
            images: images(&batch.input, dataset.shape()),
        });
        if let Some(mix) = dataset.mix() {
            mix.apply(&mut batch, dataset.shape(), classes.len(), epoch);
            last.push(Column {
                title: format!("epoch {} mixed", epoch + 1),
                images: images(&batch.input, dataset.shape()),
            });
        }
    }
    columns.extend(last);
    Ok(columns)
}

/// All samples, as grey levels.
fn batch(dataset: &dyn Dataset, epoch: Option<u64>) -> anyhow::Result<HostBatch> {
    let size = dataset.shape().num_elements();
    let mut batch = HostBatch {
        input: vec![0.0; size * dataset.len()],
        ..HostBatch::default()
    };
    let mut classes = Vec::new();
    for (index, out) in batch.input.chunks_exact_mut(size).enumerate() {
        let loaded = dataset.load(index, epoch, out);
        loaded.map_err(|reason| anyhow::anyhow!("{} {reason}", dataset.name(index)))?;
        classes.push(dataset.class(index) as u32);
        batch.ids.push(dataset.id(index));
    }
    batch.targets = HostTargets::Classes(classes);
    Ok(batch)
}

fn images(levels: &[f32], shape: Shape) -> Vec<Image> {
    let Shape::Image {
        height,
        width,
        channels,
    } = shape
    else {
        return Vec::new();
    };
    levels
        .chunks_exact(shape.num_elements())
        .map(|levels| Image {
            width,
            height,
            channels,
            bytes: levels.iter().map(|level| (level + 0.5) as u8).collect(),
        })
        .collect()
}

fn print(
    args: &PreviewArgs,
    dataset: &dyn Dataset,
    columns: &[Column],
    skipped: &[Skipped],
    left_out: &LeftOut,
) -> anyhow::Result<()> {
    let rows: Vec<String> = (0..dataset.len())
        .map(|index| dataset.name(index))
        .collect();
    let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
    let mut out = out();
    if args.json {
        let object = json!({
            "sheet": json_path(&args.out),
            "rows": rows,
            "columns": titles,
            "skipped": skipped.iter().map(|s| &s.name).collect::<Vec<_>>(),
            "left_out": left_out_json(left_out),
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(out, "wrote {}", shown(&args.out))?;
    writeln!(out, "  columns: {}", titles.join(", "))?;
    let rows: Vec<_> = rows.iter().map(|row| visible(row)).collect();
    writeln!(out, "  rows: {}", rows.join(", "))?;
    Ok(())
}
