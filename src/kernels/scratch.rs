//! Working memory of the kernels: aligned to cache lines, kept by each thread from call to call, so
//! that no page is touched for the first time in the steady state.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

/// One cache line.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Gives `work` a buffer of `len` floats that starts on a cache line. Its content is arbitrary.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    // Taken out, not borrowed: while one piece of work waits, its thread may begin another.
    let mut lines = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    let needed = len.div_ceil(16);
    if lines.len() < needed {
        lines.resize(needed, Line::zeroed());
    }
    let result = work(&mut bytemuck::cast_slice_mut(&mut lines)[..len]);
    FREE.with_borrow_mut(|free| free.push(lines));
    result
}

/// The same for 16-bit numbers.
pub fn with_halves<R>(len: usize, work: impl FnOnce(&mut [u16]) -> R) -> R {
    with_scratch(len.div_ceil(2), |floats| {
        work(&mut bytemuck::cast_slice_mut(floats)[..len])
    })
}

/// `len` numbers in pieces of `piece`: `fill` gets the number of a piece and its zeros to write over, on any thread.
/// They become zeros just before, while the piece is in the thread's cache; `vec![0.0; len]` would be a pass of one
/// thread over memory that the others wait for.
pub fn in_pieces(len: usize, piece: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut nothing = vec![(); len];
    in_pieces_beside(len, piece, &mut nothing, |index, piece, _| {
        fill(index, piece)
    })
}

/// The same with a piece of `beside`, which is as long, for each.
pub fn in_pieces_beside<T: Send>(
    len: usize,
    piece: usize,
    beside: &mut [T],
    fill: impl Fn(usize, &mut [f32], &mut [T]) + Sync,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    let pieces = values.spare_capacity_mut()[..len].par_chunks_mut(piece.max(1));
    let pieces = pieces.zip_eq(beside.par_chunks_mut(piece.max(1)));
    pieces.enumerate().for_each(|(index, (piece, beside))| {
        piece.fill(MaybeUninit::new(0.0));
        // SAFETY: the piece has just been written.
        fill(index, unsafe { piece.assume_init_mut() }, beside);
    });
    // SAFETY: every piece of the first `len` numbers has been written: there are as many beside.
    unsafe { values.set_len(len) };
    values
}

/// `len` zeros, written by all threads.
pub fn zeros(len: usize) -> Vec<f32> {
    in_pieces(len, 1 << 16, |_, _| {})
}

/// A buffer that starts on a cache line and is all zeros at first.
#[derive(Clone, Debug, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned {
        Aligned {
            lines: vec![Line::zeroed(); len.div_ceil(16)],
            len,
        }
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_on_a_cache_line_and_are_reused() {
        let first = with_scratch(100, |a| {
            let inner = with_scratch(10, |b| b.as_ptr().align_offset(64));
            assert_eq!((inner, a.len()), (0, 100));
            a.as_ptr()
        });
        let again = with_scratch(50, |a| a.as_ptr());
        assert_eq!(first.align_offset(64), 0);
        let both = [again, with_scratch(100, |a| a.as_ptr())];
        assert!(both.contains(&first), "the thread keeps its buffers");
        assert_eq!(Aligned::zeros(17).as_ptr().align_offset(64), 0);
    }

    #[test]
    fn pieces_are_filled_by_their_numbers() {
        let found = in_pieces(7, 3, |index, piece| piece[0] = index as f32 + 1.0);
        assert_eq!(found, [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0]);
        assert!(in_pieces(0, 0, |_, _| panic!("no piece")).is_empty());
        assert_eq!(zeros(70_000), vec![0.0; 70_000]);
    }
}
