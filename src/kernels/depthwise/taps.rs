//! Which values of one image make a value of another: the taps of an output's window, and of an input's gradient the
//! outputs whose windows it lies in.

/// One axis of a pass that reads one image and writes another.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Values that are read.
    pub from: usize,
    /// Values that are written.
    pub to: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Zeros before the input.
    pub before: usize,
    /// Whether the gradient of the input is written; else the output.
    pub back: bool,
}

/// A value that is read, and the kernel's row or column that it is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    pub from: usize,
    pub tap: usize,
}

impl Axis {
    /// The taps of the value at `to`, by the kernel's rows or columns.
    pub fn taps(&self, to: usize) -> Vec<Tap> {
        let from = |tap: usize| {
            if self.back {
                let reach = (to + self.before).checked_sub(tap)?;
                (reach.is_multiple_of(self.stride)).then_some(reach / self.stride)
            } else {
                (to * self.stride + tap).checked_sub(self.before)
            }
        };
        let taps = (0..self.kernel).filter_map(|tap| from(tap).map(|from| Tap { from, tap }));
        taps.filter(|tap| tap.from < self.from).collect()
    }

    /// Everything that is written, in runs of values whose taps are alike.
    pub fn runs(&self) -> Vec<Run> {
        let (step, shift) = if self.back {
            (self.stride, 1)
        } else {
            (1, self.stride)
        };
        let mut runs: Vec<Run> = Vec::new();
        for first in 0..step.min(self.to) {
            let mut open: Option<Run> = None;
            for to in (first..self.to).step_by(step) {
                let taps = self.taps(to);
                match &mut open {
                    Some(run) if run.continues(&taps) => run.count += 1,
                    _ => runs.extend(open.replace(Run {
                        first: to,
                        count: 1,
                        step,
                        shift,
                        taps,
                    })),
                }
            }
            runs.extend(open);
        }
        runs
    }
}

/// Values that are written, one as the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first one.
    pub first: usize,
    pub count: usize,
    /// From one to the next.
    pub step: usize,
    /// From what is read for one to what is read for the next.
    pub shift: usize,
    /// The taps of the first.
    pub taps: Vec<Tap>,
}

impl Run {
    /// Whether `taps` are those of the value behind the last.
    fn continues(&self, taps: &[Tap]) -> bool {
        let next = self.taps.iter().map(|tap| Tap {
            from: tap.from + self.count * self.shift,
            ..*tap
        });
        next.eq(taps.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition: `y[i] = sum x[i s + u - before] w[u]`.
    fn pairs(axis: &Axis) -> Vec<(usize, usize, usize)> {
        let mut all = Vec::new();
        for run in axis.runs() {
            for index in 0..run.count {
                for tap in &run.taps {
                    let to = run.first + index * run.step;
                    all.push((to, tap.from + index * run.shift, tap.tap));
                }
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn the_gradient_goes_back_by_the_taps_of_the_output() {
        for (size, kernel, stride, before, after) in [
            (9, 3, 1, 1, 1),
            (8, 3, 2, 0, 1),
            (7, 5, 2, 2, 2),
            (5, 2, 3, 0, 0),
            (3, 7, 1, 3, 3),
            (6, 1, 2, 0, 0),
        ] {
            let outputs = (size + before + after - kernel) / stride + 1;
            let axis = Axis {
                from: size,
                to: outputs,
                kernel,
                stride,
                before,
                back: false,
            };
            let forward = pairs(&axis);
            let mut expected = Vec::new();
            for i in 0..outputs {
                for u in 0..kernel {
                    if (before..before + size).contains(&(i * stride + u)) {
                        expected.push((i, i * stride + u - before, u));
                    }
                }
            }
            assert_eq!(forward, expected, "{axis:?}");
            let back = Axis {
                from: outputs,
                to: size,
                back: true,
                ..axis
            };
            let mut back: Vec<_> = pairs(&back).iter().map(|&(x, y, u)| (y, x, u)).collect();
            back.sort_unstable();
            assert_eq!(back, forward, "{axis:?}");
        }
    }

    #[test]
    fn columns_away_from_the_borders_are_one_run() {
        let axis = Axis {
            from: 14,
            to: 14,
            kernel: 3,
            stride: 1,
            before: 1,
            back: false,
        };
        let counts: Vec<usize> = axis.runs().iter().map(|run| run.count).collect();
        assert_eq!(counts, [1, 12, 1]);
    }
}
