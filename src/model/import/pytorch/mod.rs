//! Files that `torch.save` writes: the zip archive of PyTorch 1.6 and later, and the container before it.
//!
//! Both hold a pickle of the saved object, in which tensors are views (offset, sizes, strides) of storages, and the
//! storages' bytes. The source: `torch/serialization.py` and `torch/_utils.py` of PyTorch.

mod container;
mod legacy;
mod state;
mod view;
mod zipped;

use std::fs::File;
use std::sync::Arc;

use super::error::{ImportFault, shown_name};
use super::number_type::ByteOrder;
use super::opened::{Opened, ValueReader};
use super::tensor::TensorInfo;
use super::unread::Unread;
use crate::storage::Zip;
use container::{Container, Storages};
use view::View;

pub use legacy::is_legacy;
pub use zipped::is_pytorch;

/// Opens a zip archive of `torch.save`.
///
/// # Errors
/// Damage, or no tensors.
pub fn open_zip(zip: Zip) -> Result<Opened, ImportFault> {
    zipped::read(zip).and_then(tensors)
}

/// Opens the container before PyTorch 1.6.
///
/// # Errors
/// Damage, or no tensors.
pub fn open_legacy(file: &Arc<File>) -> Result<Opened, ImportFault> {
    legacy::read(file).and_then(tensors)
}

fn tensors(container: Container) -> Result<Opened, ImportFault> {
    let state = state::find(&container.heap, container.root)?;
    let mut opened = Opened {
        section: state.section,
        ..Opened::default()
    };
    let mut views = Vec::new();
    for (name, view) in state.tensors {
        let checked = view.and_then(|view| {
            let size = container.storages.size(&view.storage);
            let size = size.ok_or_else(|| Unread::NoStorage(shown_name(&view.storage)))?;
            view.check(size).map(|()| view)
        });
        match checked {
            Ok(view) => {
                opened.tensors.push(TensorInfo {
                    name,
                    shape: view.shape.clone(),
                    dtype: view.dtype,
                });
                views.push(view);
            }
            Err(why) => opened.unreadable.push((name, why)),
        }
    }
    opened.source = Some(Box::new(Source {
        views,
        storages: container.storages,
        order: container.order,
    }));
    Ok(opened)
}

struct Source {
    views: Vec<View>,
    storages: Box<dyn Storages>,
    order: ByteOrder,
}

impl ValueReader for Source {
    fn read(&self, index: usize) -> Result<Vec<f32>, ImportFault> {
        let view = &self.views[index];
        if view.span == 0 {
            return Ok(Vec::new());
        }
        let width = view.dtype.width() as u64;
        let (offset, len) = (view.offset * width, view.span * width);
        let bytes = self.storages.bytes(&view.storage, offset, len)?;
        Ok(view.gather(view.dtype.decode(&bytes, self.order)))
    }
}
