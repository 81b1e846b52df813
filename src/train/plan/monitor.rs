//! The monitored metric, which defines the best epoch, and whether higher is better.

use crate::config::{Fault, Path, with_nearest};
use crate::data::Task;
use crate::metrics::{HeadFigures, Known, known_metrics};

/// The best value so far.
#[derive(Clone, Debug)]
pub struct Watch {
    higher_is_better: bool,
    min_delta: f64,
    best: Option<f64>,
}

impl Watch {
    /// Nothing seen yet; a value must be better than the best by more than `min_delta`.
    pub fn new(higher_is_better: bool, min_delta: f64) -> Watch {
        Watch {
            higher_is_better,
            min_delta,
            best: None,
        }
    }

    /// Whether `value` is the best so far; keeps it if so. A value that is not a number never is.
    pub fn improves(&mut self, value: Option<f64>) -> bool {
        let Some(value) = value.filter(|value| !value.is_nan()) else {
            return false;
        };
        let better = self.best.is_none_or(|best| match self.higher_is_better {
            true => value > best + self.min_delta,
            false => value < best - self.min_delta,
        });
        if better {
            self.best = Some(value);
        }
        better
    }
}

/// The figure that decides which epoch is best; ties keep the earlier epoch.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// The name in `history.jsonl`.
    pub name: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// Where the experiment names it.
    key: &'static str,
    watch: Watch,
}

impl Monitor {
    /// Reads `train.monitor` of a net with these heads, if any.
    ///
    /// # Errors
    /// A figure that there is not.
    pub fn read(name: &str, heads: &[&str]) -> Result<Monitor, Vec<Fault>> {
        Self::read_at("train.monitor", name, heads)
    }

    /// The same for another key of the experiment.
    ///
    /// # Errors
    /// A figure that there is not.
    pub fn read_at(key: &'static str, name: &str, heads: &[&str]) -> Result<Monitor, Vec<Fault>> {
        let known = known_metrics();
        let names = HeadFigures::new(heads);
        let of_heads = heads.iter().flat_map(|head| {
            let figure = move |metric: &Known| {
                let name = format!("valid_{}", names.name(head, metric.name));
                (name, metric.higher_is_better)
            };
            known.iter().map(figure)
        });
        let figures: Vec<(String, bool)> = known
            .iter()
            .map(|metric| (format!("valid_{}", metric.name), metric.higher_is_better))
            .chain(of_heads)
            .chain([
                ("train_loss".to_string(), false),
                ("train_accuracy".to_string(), true),
            ])
            .collect();
        match figures.iter().find(|(figure, _)| figure == name) {
            Some((_, higher_is_better)) => Ok(Monitor {
                name: name.to_string(),
                higher_is_better: *higher_is_better,
                key,
                watch: Watch::new(*higher_is_better, 0.0),
            }),
            None => {
                let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!("is {name:?}, expected one of {}", names.join(", "));
                let fault = Fault::new(Path::parse(key), message);
                Err(vec![with_nearest(fault, name, &names)])
            }
        }
    }

    /// Goes on from a run whose best value this was.
    pub fn resume(&mut self, best: Option<f64>) {
        self.watch.best = best;
    }

    /// Checks the figure against the prediction task.
    ///
    /// # Errors
    /// A figure that is not defined for it: no epoch would ever be best.
    pub fn check(&self, task: &Task) -> Result<(), Vec<Fault>> {
        let name = self.name.strip_prefix("valid_").unwrap_or("accuracy");
        let known = known_metrics();
        let heads: Vec<&str> = task.heads().iter().map(|head| &*head.name).collect();
        let names = HeadFigures::new(&heads);
        let of_head = task.heads().iter().find_map(|head| {
            let mut metrics = known.iter().map(|known| known.name);
            let metric = metrics.find(|metric| names.name(&head.name, metric) == name)?;
            Some((metric, &head.task))
        });
        let (name, task) = of_head.unwrap_or((name, task));
        let metric = known.iter().find(|metric| metric.name == name);
        if self.name != "train_loss" && !metric.is_some_and(|metric| metric.is_for(task)) {
            let message = format!("is {:?}, which {} have not", self.name, task.what());
            let defined = known.iter().filter(|metric| metric.is_for(task));
            let prefix = self.name.strip_suffix(name).unwrap_or("valid_");
            let names: Vec<String> = defined.map(|m| format!("{prefix}{}", m.name)).collect();
            let fault = Fault::new(Path::parse(self.key), message);
            return Err(vec![
                fault.hint(format!("expected one of {}", names.join(", "))),
            ]);
        }
        let num_classes = task.len();
        let fewest = metric.map_or(0, |metric| metric.min_classes);
        if num_classes >= fewest {
            return Ok(());
        }
        let message = format!(
            "is {:?}, which is for {fewest} classes or more; the data has {num_classes}",
            self.name
        );
        let fault = Fault::new(Path::parse(self.key), message);
        Err(vec![fault.hint(
            "expected another figure, such as \"valid_accuracy\" or \"valid_balanced_accuracy\"",
        )])
    }

    /// Whether `value` is the best so far; keeps it if so. A value that is not a number never is.
    pub fn improves(&mut self, value: Option<f64>) -> bool {
        self.watch.improves(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Head, Output};
    use crate::metrics::METRICS;

    #[test]
    fn ties_keep_the_earlier_epoch_and_nan_never_wins() {
        let mut monitor = Monitor::read("valid_accuracy", &[]).expect("a figure");
        assert!(monitor.improves(Some(0.5)));
        assert!(!monitor.improves(Some(0.5)));
        assert!(!monitor.improves(Some(f64::NAN)));
        assert!(monitor.improves(Some(0.6)));
        let mut monitor = Monitor::read("valid_loss", &[]).expect("a figure");
        assert!(monitor.improves(Some(0.5)) && !monitor.improves(Some(0.6)));
    }

    #[test]
    fn every_metric_can_be_monitored_where_it_is_defined() {
        let classes = |count: usize| Task::Classes((0..count).map(|c| c.to_string()).collect());
        let numbers = Task::Regression(vec![Output::unscaled("price")]);
        for metric in METRICS {
            let monitor = Monitor::read(&format!("valid_{}", metric.name), &[]).expect("a figure");
            let two = monitor.check(&classes(2));
            assert_eq!(two.is_ok(), metric.name != "top_5_accuracy");
            assert_eq!(monitor.check(&classes(6)), Ok(()));
            assert_eq!(monitor.check(&numbers).is_ok(), metric.name == "loss");
        }
        let r2 = Monitor::read("valid_r2", &[]).expect("a figure");
        assert!(r2.check(&numbers).is_ok() && r2.check(&classes(3)).is_err());
        let train = Monitor::read("train_accuracy", &[]).expect("a figure");
        assert!(train.check(&numbers).is_err() && train.check(&classes(2)).is_ok());
    }

    #[test]
    fn an_unknown_figure_is_a_fault_with_the_nearest_name() {
        let faults = Monitor::read("val_loss", &[]).expect_err("a fault");
        assert!(
            faults[0].to_string().contains("did you mean `valid_loss`"),
            "{}",
            faults[0]
        );
    }

    #[test]
    fn a_figure_of_a_head_is_checked_against_the_head() {
        let head = |name: &str, task| Head {
            name: name.to_string(),
            task,
        };
        let kinds = Task::Classes(vec!["cat".into(), "dog".into()]);
        let numbers = Task::Regression(vec![Output::unscaled("price")]);
        let task = Task::Heads(vec![head("kind", kinds), head("price", numbers)]);
        let check = |name| Monitor::read(name, &["kind", "price"]).map(|m| m.check(&task).is_ok());
        for (name, fits) in [
            ("valid_loss", true),
            ("valid_kind_accuracy", true),
            ("valid_price_r2", true),
            ("valid_price_accuracy", false),
            ("valid_accuracy", false),
        ] {
            assert_eq!(check(name), Ok(fits), "{name}");
        }
        assert!(check("valid_colour_accuracy").is_err());
    }

    #[test]
    fn heads_whose_figures_would_share_a_name_have_a_dot_before_the_metric() {
        let heads = ["kind", "kind_balanced", "", "a.b", "km/h"];
        let classes = Task::Classes(vec!["cat".into(), "dog".into()]);
        let head = |name: &&str| Head {
            name: name.to_string(),
            task: classes.clone(),
        };
        let task = Task::Heads(heads.iter().map(head).collect());
        for head in heads {
            let name = format!("valid_{head}.balanced_accuracy");
            let monitor = Monitor::read(&name, &heads).expect("a figure");
            assert_eq!(monitor.check(&task), Ok(()), "{name}");
        }
        let plain = &heads[1..];
        Monitor::read("valid_kind_balanced_accuracy", plain).expect("of one head only");
    }
}
