//! Class weights: how much a sample of each class counts in the training loss.
//!
//! Each sample's loss is multiplied by its class's weight, and the loss of a batch is the mean over its
//! samples, which is Keras's `class_weight`. PyTorch's `CrossEntropyLoss(weight=...)` divides by the
//! sum of the weights in the batch instead: a batch of nothing but a rare class makes no larger a step
//! there than any other. A sample with soft labels (MixUp, CutMix) counts the mean of the weights, by
//! its shares. The reported training loss is the weighted one; validation weighs nothing.

use crate::config::{ClassWeights, Fault, Path, with_nearest};
use crate::data::Task;

/// Checks weights against the names of the classes.
///
/// # Errors
/// A list of another length, a name that is no class, a weight below 0, nothing but weights of 0.
pub fn check(weights: Option<&ClassWeights>, task: &Task) -> Result<(), Vec<Fault>> {
    let path = Path::parse("train.class_weights");
    let classes = task.classes();
    if weights.is_some() && classes.is_empty() {
        let message = format!("are given, but the targets are {}, no classes", task.what());
        return Err(vec![Fault::new(path, message)]);
    }
    let mut faults = Vec::new();
    let given: Vec<(Path, f64)> = match weights {
        None | Some(ClassWeights::Balanced(_)) => return Ok(()),
        Some(ClassWeights::PerClass(list)) => {
            if list.len() != classes.len() {
                faults.push(wrong_length(&path, list.len(), classes));
            }
            let numbered = list.iter().enumerate();
            numbered.map(|(i, &w)| (path.index(i), w)).collect()
        }
        Some(ClassWeights::Named(table)) => {
            let unknown = table.keys().filter(|name| !classes.contains(name));
            faults.extend(unknown.map(|name| no_class(&path, name, classes)));
            table.iter().map(|(n, &w)| (path.key(n), w)).collect()
        }
    };
    for (path, weight) in &given {
        if !(*weight >= 0.0 && weight.is_finite()) {
            let message = format!("is {weight}, expected a number of at least 0");
            faults.push(Fault::new(path.clone(), message));
        }
    }
    if faults.is_empty() && resolve_given(weights, classes).iter().all(|&w| w == 0.0) {
        let message = "are all 0: nothing would be learned";
        faults.push(Fault::new(path, message));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn wrong_length(path: &Path, found: usize, classes: &[String]) -> Fault {
    let message = format!(
        "has {found} items, expected one for each of the {} classes: {}",
        classes.len(),
        classes.join(", ")
    );
    Fault::new(path.clone(), message)
}

fn no_class(path: &Path, name: &str, classes: &[String]) -> Fault {
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    let message = format!("is no class; expected one of {}", names.join(", "));
    with_nearest(Fault::new(path.key(name), message).at_key(), name, &names)
}

/// The weight of each class, for checked weights. `counts` are the samples of each class in the
/// training split.
///
/// `"balanced"` is scikit-learn's formula: `samples / (classes * samples of the class)`, so that all
/// classes weigh the same together and a sample 1 on average; a class without samples has weight 0.
/// Classes that a table does not name have weight 1, as in scikit-learn.
pub fn resolve(weights: &ClassWeights, classes: &[String], counts: &[usize]) -> Vec<f32> {
    if !matches!(weights, ClassWeights::Balanced(_)) {
        return resolve_given(Some(weights), classes);
    }
    let samples: usize = counts.iter().sum();
    let weight = |&count: &usize| match count {
        0 => 0.0,
        count => samples as f64 / (counts.len() * count) as f64,
    };
    counts.iter().map(|count| weight(count) as f32).collect()
}

fn resolve_given(weights: Option<&ClassWeights>, classes: &[String]) -> Vec<f32> {
    match weights {
        Some(ClassWeights::PerClass(list)) => list.iter().map(|&w| w as f32).collect(),
        Some(ClassWeights::Named(table)) => {
            let weight = |class: &String| table.get(class).map_or(1.0, |&w| w as f32);
            classes.iter().map(weight).collect()
        }
        None | Some(ClassWeights::Balanced(_)) => vec![1.0; classes.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Balanced;

    fn classes() -> Vec<String> {
        ["cats", "dogs", "newts"].map(String::from).to_vec()
    }

    fn task() -> Task {
        Task::Classes(classes())
    }

    fn named(pairs: &[(&str, f64)]) -> ClassWeights {
        ClassWeights::Named(pairs.iter().map(|&(n, w)| (n.to_string(), w)).collect())
    }

    /// `sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2],
    /// y=[0] * 5 + [1] * 3 + [2])` in scikit-learn 1.9.1.
    #[test]
    fn balanced_weights_agree_with_scikit_learn() {
        let balanced = ClassWeights::Balanced(Balanced::Balanced);
        assert_eq!(resolve(&balanced, &classes(), &[5, 3, 1]), [0.6, 1.0, 3.0]);
        assert_eq!(resolve(&balanced, &classes(), &[2, 4, 0]), [1.0, 0.5, 0.0]);
    }

    #[test]
    fn named_weights_go_to_their_classes_and_the_others_count_1() {
        let weights = named(&[("newts", 4.0), ("cats", 0.5)]);
        assert_eq!(check(Some(&weights), &task()), Ok(()));
        assert_eq!(resolve(&weights, &classes(), &[1, 1, 1]), [0.5, 1.0, 4.0]);
    }

    #[test]
    fn weights_that_fit_no_class_are_faults() {
        let fault = |weights: ClassWeights| {
            let faults = check(Some(&weights), &task()).expect_err("a fault");
            faults[0].to_string()
        };
        let message = fault(named(&[("dog", 2.0)]));
        assert!(
            message.starts_with("train.class_weights.dog is no class"),
            "{message}"
        );
        assert!(message.contains("did you mean `dogs`"), "{message}");
        let message = fault(ClassWeights::PerClass(vec![1.0, 2.0]));
        assert!(
            message.contains("has 2 items, expected one for each of the 3"),
            "{message}"
        );
        let message = fault(named(&[("dogs", -1.0)]));
        assert!(message.contains("dogs is -1, expected"), "{message}");
        let message = fault(ClassWeights::PerClass(vec![0.0; 3]));
        assert!(message.contains("all 0"), "{message}");
    }
}
