//! Learning rate range test (Smith, 2017): a throw-away net is trained with a rate that grows by a constant factor at each
//! update, until the loss diverges. The middle of the longest descent before that is a good rate.

use burn::tensor::Device;

use crate::data::Loader;
use crate::model::host;
use crate::train::run::stepper::{Stepper, training_device};
use crate::train::run::stop::StopFlag;

/// The rates that are tried.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// How many.
    pub steps: usize,
}

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its rate.
    pub rate: f64,
    /// The mean loss of its batches, before it.
    pub loss: f64,
    /// The running mean of the losses so far.
    pub smoothed: f64,
}

/// The result of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// One an update, in order.
    pub points: Vec<Point>,
    /// Whether it ended as the loss went up.
    pub diverged: bool,
}

/// The share of the running mean that an update keeps, as fastai and Lightning have it.
const SMOOTHING: f64 = 0.98;

/// The sweep ends where the running mean is above the best by three times its size: fastai's and Lightning's four
/// times the best, also for losses below 0.
const DIVERGED: f64 = 3.0;

/// Updates at the beginning, of which the running mean is of few losses, that suggest nothing (as Lightning).
const SKIPPED: usize = 10;

impl Sweep {
    /// The rate of an update, from 0.
    pub fn rate(&self, step: usize) -> f64 {
        let share = step as f64 / (self.steps.max(2) - 1) as f64;
        self.from * (self.to / self.from).powf(share)
    }

    /// Trains a throw-away net. `tick` is called after each update.
    pub fn run(
        &self,
        mut stepper: Stepper<'_>,
        trial: &Trial<'_>,
        stop: &StopFlag,
        tick: &mut dyn FnMut(),
    ) -> Found {
        let mut found = Found::default();
        let mut mean = RunningMean::default();
        let mut best = f64::INFINITY;
        let mut batches = Batches::new(trial);
        for step in 0..self.steps {
            let rate = self.rate(step);
            stepper.set_rate(Some(rate));
            let Some(loss) = batches.update(&mut stepper, stop) else {
                break; // nothing to train on, or somebody asked to stop
            };
            let smoothed = mean.follow(loss);
            if !smoothed.is_finite() || step > 1 && smoothed - best > DIVERGED * best.abs() {
                found.diverged = true;
                break;
            }
            best = best.min(smoothed);
            found.points.push(Point {
                rate,
                loss,
                smoothed,
            });
            tick();
        }
        found
    }
}

impl Found {
    /// Whether the running mean is smallest at the last rate.
    pub fn falls_to_the_end(&self) -> bool {
        let least = |last: &Point| {
            self.points
                .iter()
                .all(|point| point.smoothed >= last.smoothed)
        };
        self.points.last().is_some_and(least)
    }

    /// The middle, over the logarithm of the rate, of the longest fall of the running mean: of the longest series of
    /// points of which each is below the one before, others in between left out, so that noise does no harm
    /// (fastai's `valley`). `None` where it never falls, or the sweep was too short.
    pub fn valley(&self) -> Option<f64> {
        let points = self.points.get(SKIPPED..)?;
        // Of the longest series that ends at each point: how many points, and its first.
        let mut series: Vec<(usize, usize)> = Vec::new();
        for (at, point) in points.iter().enumerate() {
            let above = (0..at).filter(|&before| points[before].smoothed > point.smoothed);
            let longest = above
                .map(|before| series[before])
                .max_by_key(|found| found.0);
            series.push(longest.map_or((1, at), |(len, first)| (len + 1, first)));
        }
        let ends = series.iter().enumerate();
        let (end, (len, first)) = ends.max_by_key(|(_, (len, _))| *len)?;
        (*len > 1).then(|| points[first + (end - first) / 2].rate)
    }

    /// The rate before the minimum at which the running mean falls fastest over the logarithm of the rate (Lightning's
    /// suggestion, which also looks behind it); `None` if it never falls, or the sweep was too short.
    pub fn steepest(&self) -> Option<f64> {
        let points = &self.points;
        let slopes = (SKIPPED..self.minimum()?).map(|at| {
            let (before, after) = (points[at - 1].smoothed, points[at + 1].smoothed);
            (at, after - before) // the rates are evenly apart
        });
        let (at, slope) = slopes.min_by(|a, b| a.1.total_cmp(&b.1))?;
        (slope < 0.0).then(|| points[at].rate)
    }

    /// A tenth of the rate at which the running mean is smallest (fastai's `minimum`), under the same conditions.
    pub fn tenth_of_minimum(&self) -> Option<f64> {
        self.valley()?;
        Some(self.points[self.minimum()?].rate / 10.0)
    }

    fn minimum(&self) -> Option<usize> {
        let points = self.points.iter().enumerate().skip(SKIPPED);
        let (at, _) = points.min_by(|a, b| a.1.smoothed.total_cmp(&b.1.smoothed))?;
        Some(at)
    }
}

/// A mean of all values so far in which later ones weigh more.
#[derive(Default)]
struct RunningMean {
    sum: f64,
    kept: f64,
}

impl RunningMean {
    fn follow(&mut self, value: f64) -> f64 {
        self.sum = SMOOTHING * self.sum + (1.0 - SMOOTHING) * value;
        self.kept = SMOOTHING * self.kept + (1.0 - SMOOTHING);
        self.sum / self.kept
    }
}

/// What is trained on.
pub struct Trial<'a> {
    /// The training split.
    pub train: &'a Loader,
    /// How much a sample of each class counts.
    pub class_weights: Option<&'a [f32]>,
    /// Batches of an update.
    pub accumulate: usize,
    /// Without autodiff.
    pub device: &'a Device,
}

/// The batches of one epoch after the other.
struct Batches<'a> {
    trial: &'a Trial<'a>,
    epoch: u64,
    batches: Box<dyn Iterator<Item = crate::data::Loaded> + 'a>,
}

impl<'a> Batches<'a> {
    fn new(trial: &'a Trial<'a>) -> Batches<'a> {
        Batches {
            trial,
            epoch: 0,
            batches: Box::new(trial.train.epoch(0)),
        }
    }

    /// Makes one update; the mean loss of its batches. `None` where there are none, or somebody asked to stop.
    fn update(&mut self, stepper: &mut Stepper<'_>, stop: &StopFlag) -> Option<f64> {
        let device = training_device(self.trial.device);
        let shape = self.trial.train.dataset().shape();
        let (mut sum, mut samples) = (0.0, 0);
        for number in 1..=self.trial.accumulate {
            let mut loaded = self.next()?;
            if stop.is_set() {
                return None;
            }
            if let Some(weights) = self.trial.class_weights {
                loaded.batch.weigh(weights);
            }
            let batch = loaded.batch.to_device(shape, &device);
            let ends = number == self.trial.accumulate;
            let output = stepper.step_of_group(batch, self.epoch, ends);
            let losses = host(output.losses);
            samples += losses.len();
            sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        }
        Some(sum / samples as f64)
    }

    /// The next batch that holds samples; `None` if a whole epoch has none.
    fn next(&mut self) -> Option<crate::data::Loaded> {
        for _ in 0..2 {
            if let Some(loaded) = self.batches.find(|loaded| !loaded.indices.is_empty()) {
                return Some(loaded);
            }
            self.epoch += 1;
            self.batches = Box::new(self.trial.train.epoch(self.epoch));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEEP: Sweep = Sweep {
        from: 1e-6,
        to: 1.0,
        steps: 61,
    };

    fn found(loss: impl Fn(f64) -> f64) -> Found {
        let point = |step| {
            let rate = SWEEP.rate(step);
            let loss = loss(rate.log10());
            Point {
                rate,
                loss,
                smoothed: loss,
            }
        };
        Found {
            points: (0..SWEEP.steps).map(point).collect(),
            diverged: false,
        }
    }

    #[test]
    fn rates_grow_by_the_same_factor() {
        let rates = [0, 10, 30, 60].map(|step| SWEEP.rate(step));
        for (rate, expected) in rates.iter().zip([1e-6, 1e-5, 1e-3, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-9, "{rate}");
        }
    }

    #[test]
    fn suggestions_are_the_middle_of_the_fall_its_steepest_place_and_a_tenth_of_the_minimum() {
        // Falls along a sigmoid around 1e-3, rises again after 1e-1.
        let fall = |log: f64| 1.0 / (1.0 + (4.0 * (log + 3.0)).exp()) + (log + 1.0).max(0.0);
        let curve = found(fall);
        let valley = curve.valley().expect("it falls"); // from 1e-5 on
        assert!((valley.log10() + 3.0).abs() < 1e-9, "{valley}");
        // A fall within the noise of the beginning is steeper, but short.
        let noisy = found(|log| {
            fall(log)
                + if log < -4.75 {
                    -3.0 * (log + 4.75)
                } else {
                    0.0
                }
        });
        let valley = noisy.valley().expect("it falls");
        assert!((valley.log10() + 3.0).abs() < 0.11, "{valley}");
        assert!(noisy.steepest().expect("it falls") < 1e-4);
        let steepest = curve.steepest().expect("it falls");
        assert!((steepest.log10() + 3.0).abs() < 1e-9, "{steepest}");
        assert!(!curve.falls_to_the_end() && found(|log| -log).falls_to_the_end());
        let spike = found(|log| {
            if log < -1.0 {
                -log
            } else {
                9.0 - 7.0 * (log + 1.0)
            }
        });
        assert!(
            spike.steepest().expect("it falls") < 0.1,
            "not behind the spike"
        );
        let tenth = curve.tenth_of_minimum().expect("it falls");
        assert!((tenth.log10() + 2.0).abs() < 1e-9, "{tenth}");
    }

    #[test]
    fn a_curve_that_never_falls_suggests_nothing() {
        let rising = found(|log| log + 7.0);
        assert_eq!((rising.valley(), rising.tenth_of_minimum()), (None, None));
        assert_eq!((Found::default().valley(), rising.steepest()), (None, None));
    }

    #[test]
    fn the_running_mean_is_one_from_the_first_value_on() {
        let mut mean = RunningMean::default();
        assert!((mean.follow(3.0) - 3.0).abs() < 1e-12);
        let second = mean.follow(5.0);
        assert!(
            (second - (0.98 * 3.0 + 5.0) / 1.98).abs() < 1e-12,
            "{second}"
        );
    }
}
