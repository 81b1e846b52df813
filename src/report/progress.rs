//! Progress on standard error: bars on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::numbers::figure;
use crate::data::Progress;
use crate::train::{EpochRecord, Event, Observer};

/// Several observers, notified in order.
pub struct Several(pub Vec<Box<dyn Observer>>);

impl Observer for Several {
    fn on(&mut self, event: &Event<'_>) {
        for observer in &mut self.0 {
            observer.on(event);
        }
    }
}

/// The line that sums up an epoch, of at most 100 columns; `bal` is the balanced accuracy, `history.jsonl` holds
/// every figure.
fn epoch_line(record: &EpochRecord, num_epochs: usize) -> String {
    let width = num_epochs.to_string().len();
    let valid = |name: &str| record.figure(&format!("valid_{name}"));
    let share = |value: Option<f64>| value.map_or("-".to_string(), |share| format!("{share:.3}"));
    let valid = match record.train_accuracy {
        Some(train) => format!(
            " acc {}  valid loss {} acc {} {}",
            share(Some(train)),
            figure(valid("loss")),
            share(valid("accuracy")),
            match valid("balanced_accuracy") {
                Some(balanced) => format!("bal {}", share(Some(balanced))),
                None => format!("f1 {}", share(valid("f1_macro"))),
            }
        ),
        None if valid("mae").is_some() => format!(
            "  valid loss {} mae {} r2 {}",
            figure(valid("loss")),
            figure(valid("mae")),
            share(valid("r2")),
        ),
        None => format!("  valid loss {}{}", figure(valid("loss")), of_heads(record)),
    };
    format!(
        "epoch {:>width$}/{num_epochs}  train loss {:.4}{valid}  {}  {}/s{}",
        record.epoch,
        record.train_loss,
        time(record.seconds),
        rate(record.samples_per_second),
        if record.best { "  best" } else { "" }
    )
}

fn time(seconds: f64) -> String {
    if seconds < 0.095 {
        format!("{:.0} ms", 1e3 * seconds)
    } else {
        format!("{seconds:.1} s")
    }
}

fn rate(samples_per_second: f64) -> String {
    if samples_per_second < 9999.5 {
        format!("{samples_per_second:.0}")
    } else {
        format!("{:.0}k", samples_per_second / 1e3)
    }
}

/// The accuracy or R2 of each head.
fn of_heads(record: &EpochRecord) -> String {
    // Every head has a loss. What only ends like one (`HEAD_log_loss`) has no other figures.
    let heads = record.valid.keys().filter_map(|name| {
        let before = name.strip_suffix("loss")?;
        let head = before.strip_prefix("valid_")?.strip_suffix(['_', '.'])?;
        let figure = |metric: &str| record.figure(&format!("{before}{metric}"));
        let r2 = figure("r2").map(|value| ("r2", value));
        let (what, value) = r2.or_else(|| Some(("acc", figure("accuracy")?)))?;
        Some(format!("  {head} {what} {value:.3}"))
    });
    heads.collect()
}

/// A bar an epoch, and a line where the epoch was.
#[derive(Default)]
pub struct Bars {
    bar: Option<ProgressBar>,
    num_epochs: usize,
    begun: Option<Instant>,
    samples: usize,
}

impl Observer for Bars {
    fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::EpochBegan {
                epoch,
                num_epochs,
                num_batches,
                first_batch,
            } => {
                self.num_epochs = *num_epochs;
                self.begun = Some(Instant::now());
                self.samples = 0;
                let bar = ProgressBar::new(*num_batches as u64);
                bar.set_style(style(
                    "{prefix} {bar:24.cyan/dim} {pos}/{len}  {msg}  {eta} left",
                ));
                bar.set_prefix(format!("epoch {epoch}/{num_epochs}"));
                bar.set_position(*first_batch as u64);
                bar.reset_eta();
                self.bar = Some(bar);
            }
            Event::Stepped {
                samples,
                loss,
                accuracy,
            } => {
                self.samples += samples;
                let seconds = self
                    .begun
                    .map_or(0.0, |begun| begun.elapsed().as_secs_f64());
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                    bar.set_message(format!(
                        "{:.0} samples/s  loss {loss:.4}{}",
                        self.samples as f64 / seconds.max(1e-9),
                        accuracy.map_or(String::new(), |share| format!("  acc {share:.3}"))
                    ));
                }
            }
            Event::Validating => {
                if let Some(bar) = &self.bar {
                    bar.set_style(style("{prefix} {bar:24.cyan/dim} validating  {msg}"));
                }
            }
            Event::EpochEnded(record) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                crate::say!("{}", epoch_line(record, self.num_epochs));
            }
            Event::Notice(text) => crate::say!("note: {text}"),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates in this file are valid")
        .progress_chars("━╸─")
}

/// A line now and then, and one an epoch: for logs.
pub struct Lines {
    num_epochs: usize,
    num_batches: usize,
    epoch: usize,
    batch: usize,
    last: Instant,
}

/// Time between two lines of one epoch.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Default for Lines {
    fn default() -> Self {
        Lines {
            num_epochs: 0,
            num_batches: 0,
            epoch: 0,
            batch: 0,
            last: Instant::now(),
        }
    }
}

impl Observer for Lines {
    fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::EpochBegan {
                epoch,
                num_epochs,
                num_batches,
                first_batch,
            } => {
                self.epoch = *epoch;
                self.num_epochs = *num_epochs;
                self.num_batches = *num_batches;
                self.batch = *first_batch;
                self.last = Instant::now();
            }
            Event::Stepped { loss, accuracy, .. } => {
                self.batch += 1;
                if self.last.elapsed() >= LINE_EVERY {
                    self.last = Instant::now();
                    crate::say!(
                        "epoch {}/{}  batch {}/{}  loss {loss:.4}{}",
                        self.epoch,
                        self.num_epochs,
                        self.batch,
                        self.num_batches,
                        accuracy.map_or(String::new(), |share| format!("  acc {share:.3}"))
                    );
                }
            }
            Event::Validating => {}
            Event::EpochEnded(record) => crate::say!("{}", epoch_line(record, self.num_epochs)),
            Event::Notice(text) => crate::say!("note: {text}"),
        }
    }
}

/// Progress of decoding: a bar on a terminal, nothing elsewhere.
pub struct DecodeBar {
    visible: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl DecodeBar {
    /// A bar that is drawn where `visible`.
    pub fn new(visible: bool) -> DecodeBar {
        DecodeBar {
            visible,
            bar: Mutex::new(None),
        }
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Ok(guard) = self.bar.lock()
            && let Some(bar) = &*guard
        {
            act(bar);
        }
    }
}

impl Progress for DecodeBar {
    fn begin(&self, what: &str, len: usize) {
        let bar = ProgressBar::new(len as u64);
        if !self.visible {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(style(
            "{prefix} {bar:24.cyan/dim} {pos}/{len}  {per_sec}  {eta} left",
        ));
        bar.set_prefix(what.to_string());
        if let Ok(mut guard) = self.bar.lock() {
            *guard = Some(bar);
        }
    }

    fn tick(&self) {
        self.with(|bar| bar.inc(1));
    }

    fn end(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}

/// A bar of bytes that arrive, for people.
pub struct ByteBar(ProgressBar);

impl ByteBar {
    /// A bar that is drawn where `visible`.
    pub fn new(what: &str, visible: bool) -> ByteBar {
        let bar = ProgressBar::no_length();
        if !visible {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(style(
            "{prefix} {bar:24.cyan/dim} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left",
        ));
        bar.set_prefix(what.to_string());
        ByteBar(bar)
    }

    /// Bytes that are there, of so many where that is known.
    pub fn set(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }

    /// Removes it.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_head_is_shown_once_whatever_its_name() {
        let figures = [
            "valid_loss",
            "valid_a_balanced_accuracy",
            "valid_a_balanced_balanced_accuracy",
            "valid_a_balanced_log_loss",
            "valid_a_balanced_loss",
            "valid_b_log_loss",
            "valid_b_top_5_accuracy",
            "valid_b_top_5_loss",
            "valid_b_top_5_r2",
            "valid_km/h_loss",
            "valid_km/h_r2",
        ];
        let record: EpochRecord = serde_json::from_value(serde_json::json!({
            "epoch": 1, "train_loss": 0.5, "learning_rate": 0.1, "backed_off": 0, "best": true,
        }))
        .expect("a record");
        let mut record = record;
        record.valid = figures
            .map(|name| (name.to_string(), 0.25.into()))
            .into_iter()
            .collect();
        let expected = "  a_balanced acc 0.250  b_top_5 r2 0.250  km/h r2 0.250";
        assert_eq!(of_heads(&record), expected);
    }

    #[test]
    fn short_epochs_and_high_rates_stay_short() {
        assert_eq!(
            [time(0.043), time(0.0949), time(0.095), time(12.34)],
            ["43 ms", "95 ms", "0.1 s", "12.3 s"]
        );
        assert_eq!(
            [rate(9999.4), rate(14_318.0), rate(1.2e6)],
            ["9999", "14k", "1200k"]
        );
    }
}
