//! Every metric against scikit-learn (`tests/reference/metrics_reference.py` recorded the figures): ties,
//! thresholds, one class only, no positive prediction, classes without samples or never predicted.

use std::collections::BTreeSet;

use kiln::metrics::regression::REGRESSION_METRICS;
use kiln::metrics::{
    ClassPredictions, LABEL_METRICS, LabelPredictions, METRICS, compute_all, wilson,
};
use serde_json::Value as Json;

use crate::support::recorded::{cases, numbers};

/// Relative; sums run in another order here.
const TOLERANCE: f64 = 1e-9;

/// Absolute, for figures that are 0 but for rounding.
const ROUNDING: f64 = 1e-14;

fn recorded(part: &str) -> Vec<Json> {
    let cases = cases(include_str!("../reference/metrics.json"), part);
    assert!(cases.len() >= 8, "{} cases of {part}", cases.len());
    cases
}

/// Recorded in full, but for what reading them as 64-bit floats rounds.
fn floats(list: &Json) -> Vec<f32> {
    let numbers = numbers(list);
    let floats: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
    for (&float, number) in floats.iter().zip(&numbers) {
        assert!((f64::from(float) - number).abs() <= 1e-15 * number.abs());
    }
    floats
}

fn predictions(case: &Json) -> ClassPredictions {
    let targets: Vec<usize> = numbers(&case["targets"])
        .iter()
        .map(|&target| target as usize)
        .collect();
    let num_classes = case["num_classes"].as_u64().expect("a count");
    ClassPredictions {
        classes: (0..num_classes).map(|class| class.to_string()).collect(),
        probabilities: floats(&case["probabilities"]),
        losses: vec![0.0; targets.len()],
        targets,
        positive: case["positive"].as_u64().expect("a class") as usize,
        threshold: case["threshold"].as_f64().expect("a number") as f32,
    }
}

/// Whether a figure is the recorded one; nothing agrees with null alone.
fn agree(found: Option<f64>, expected: &Json) -> bool {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => {
            (found - expected).abs() <= TOLERANCE * expected.abs() + ROUNDING
        }
        (found, _) => found.is_none() && expected.is_null(),
    }
}

#[test]
fn every_metric_agrees_with_scikit_learn() {
    for case in recorded("cases") {
        let expected = case["expected"].as_object().expect("figures");
        let figures = compute_all(&predictions(&case));
        let compared: BTreeSet<&str> = figures
            .iter()
            .filter(|(name, _)| *name != "loss") // the net's own, which scikit-learn does not know
            .map(|(name, found)| {
                let expected = expected.get(*name).unwrap_or_else(|| panic!("no {name}"));
                let name_of_case = &case["name"];
                assert!(
                    agree(*found, expected),
                    "{name_of_case}: {name} is {found:?}, scikit-learn {expected}"
                );
                *name
            })
            .collect();
        assert_eq!(compared.len(), expected.len(), "all that is recorded");
        assert_eq!(compared.len() + 1, METRICS.len());
    }
}

#[test]
fn confusion_baseline_and_interval_agree_with_scikit_learn_and_scipy() {
    for case in recorded("cases") {
        let predictions = predictions(&case);
        let confusion = predictions.confusion();
        let name = &case["name"];
        assert_eq!(
            serde_json::json!(
                (0..confusion.num_classes())
                    .map(|target| confusion.row(target))
                    .collect::<Vec<_>>()
            ),
            case["confusion"],
            "{name}"
        );
        assert!(
            agree(predictions.majority_share(), &case["baseline"]),
            "{name}"
        );
        let (low, high) = wilson(confusion.hits(), predictions.len());
        assert!(agree(Some(low), &case["interval"][0]), "{name}: {low}");
        assert!(agree(Some(high), &case["interval"][1]), "{name}: {high}");
    }
}

#[test]
fn regression_metrics_agree_with_scikit_learn() {
    for case in recorded("regressions") {
        let (predicted, target) = (floats(&case["predicted"]), floats(&case["target"]));
        for metric in REGRESSION_METRICS {
            let found = (metric.compute)(&predicted, &target);
            let expected = &case["expected"][metric.name];
            let (case, metric) = (&case["name"], metric.name);
            assert!(
                agree(found, expected),
                "{case}: {metric} is {found:?}, scikit-learn {expected}"
            );
        }
    }
    for metric in REGRESSION_METRICS {
        assert_eq!((metric.compute)(&[], &[]), None, "{}", metric.name);
    }
}

#[test]
fn metrics_of_several_labels_agree_with_scikit_learn() {
    for case in recorded("indicators") {
        let labels = case["labels"].as_u64().expect("a count");
        let targets: Vec<bool> = numbers(&case["targets"])
            .iter()
            .map(|&y| y == 1.0)
            .collect();
        let predictions = LabelPredictions {
            names: (0..labels).map(|label| label.to_string()).collect(),
            probabilities: floats(&case["probabilities"]),
            losses: vec![0.0; targets.len() / labels as usize],
            targets,
            threshold: case["threshold"].as_f64().expect("a number") as f32,
        };
        let expected = case["expected"].as_object().expect("figures");
        let figures = predictions.figures();
        // But for the loss, the net's own.
        assert_eq!(expected.len() + 1, LABEL_METRICS.len());
        for (name, found) in figures.iter().filter(|(name, _)| *name != "loss") {
            let expected = expected.get(*name).unwrap_or_else(|| panic!("no {name}"));
            let case = &case["name"];
            assert!(
                agree(*found, expected),
                "{case}: {name} is {found:?}, scikit-learn {expected}"
            );
        }
    }
}
