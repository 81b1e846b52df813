"""Records what scikit-learn says of recorded predictions, for tests/suite/metrics.rs. Needs scikit-learn (and SciPy).

    python metrics_reference.py > metrics.json

Probabilities are 32-bit floats, written in full; scikit-learn gets the same numbers as 64-bit floats. The
expected calibration error has no function there: `calibration_error` below is written from its definition.
"""
import json
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier

warnings.simplefilter("ignore")  # of what is not defined: null or 0 is recorded


def calibration_error(p, y, bins=15):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    edges = np.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def null(value):
    return None if np.isnan(value) else float(value)


def decide(p, positive, threshold):
    if p.shape[1] == 2:
        return np.where(p[:, positive] >= np.float32(threshold), positive, 1 - positive)
    return p.argmax(axis=1)


def averages(y, predicted, binary):
    """Precision, recall and F1 in every average; without a suffix as Kiln reports them."""
    functions = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    for name, function in functions.items():
        yield name, function(y, predicted, zero_division=0, **binary)
        for average in ["macro", "micro", "weighted"]:
            yield f"{name}_{average}", function(y, predicted, average=average, zero_division=0)


def areas(p, y, positive):
    count = p.shape[1]
    if count == 2:
        is_positive = y == positive
        return {"auc": null(sk.roc_auc_score(is_positive, p[:, positive])),
                "pr_auc": sk.average_precision_score(is_positive, p[:, positive])}
    one_hot = np.eye(count, dtype=int)[y]
    return {"auc": null(np.mean([sk.roc_auc_score(one_hot[:, c], p[:, c]) for c in range(count)])),
            "pr_auc": sk.average_precision_score(one_hot, p, average="macro")}


def case(name, p, y, positive=None, threshold=0.5):
    p = np.asarray(p, dtype=np.float32)
    y = np.asarray(y)
    count = p.shape[1]
    positive = count - 1 if positive is None else positive
    predicted = decide(p, positive, threshold)
    wide, labels = p.astype(np.float64), range(count)
    binary = {"pos_label": positive} if count == 2 else {"average": "macro"}
    if count == 2 and positive not in np.union1d(y, predicted):
        binary = {"labels": [positive], "average": "macro"}  # else scikit-learn refuses the label
    dummy = DummyClassifier(strategy="most_frequent").fit(wide, y)
    hits = int((predicted == y).sum())
    interval = binomtest(hits, len(y)).proportion_ci(0.95, method="wilson")
    expected = {
        "accuracy": sk.accuracy_score(y, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predicted),
        **dict(averages(y, predicted, binary)),
        **areas(wide, y, positive),
        "log_loss": sk.log_loss(y, wide, labels=labels),
        "brier": sk.brier_score_loss(y, wide, labels=labels),
        "ece": calibration_error(wide, y),
        "top_5_accuracy": sk.top_k_accuracy_score(y, wide, k=5, labels=labels) if count > 5 else None,
    }
    return {
        "name": name, "num_classes": count, "positive": positive, "threshold": threshold,
        "probabilities": [float(value) for value in p.flatten()], "targets": y.tolist(),
        "expected": expected, "baseline": dummy.score(wide, y), "interval": list(interval),
        "confusion": sk.confusion_matrix(y, predicted, labels=labels).tolist(),
    }


def pair(scores):
    """Rows of two classes; what the second has, the first lacks."""
    scores = np.asarray(scores, dtype=np.float32)
    return np.stack([np.float32(1) - scores, scores], axis=1)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cases():
    draw = np.random.default_rng(1)
    y = draw.integers(0, 2, 60)
    scores = np.clip(np.round(0.5 + 0.2 * (y - 0.5) + draw.normal(0, 0.25, 60), 1), 0, 1)
    yield case("two classes with ties, some sure and wrong", pair(scores), y)
    yield case("the first class is the positive one, at a threshold", pair(scores), y, 0, 0.7)
    rare = (draw.uniform(size=200) < 0.06).astype(int)
    yield case("a rare class", pair(1 / (1 + np.exp(3 - rare - draw.normal(size=200)))), rare)
    yield case("no positive prediction", pair([0.1, 0.2, 0.3, 0.45]), [0, 1, 1, 0])
    yield case("nothing but positive predictions", pair([0.6, 0.7, 0.9]), [0, 1, 0])
    yield case("every probability the same", pair([0.5] * 5), [0, 1, 1, 0, 1])
    yield case("one class only, the positive", pair([0.1, 0.9, 0.5]), [1, 1, 1])
    yield case("one class only, the negative", pair([0.1, 0.9, 0.3]), [0, 0, 0])
    yield case("one class only, never taken for the other", pair([0.1, 0.2]), [0, 0])
    yield case("perfect and sure", pair([0.0, 1.0, 1.0, 0.0]), [0, 1, 1, 0])
    yield case("wrong and sure", pair([1.0, 0.0, 1.0]), [0, 1, 1])
    yield case("one sample", pair([0.25]), [1])
    y = draw.integers(0, 3, 40)
    p = softmax(draw.normal(size=(40, 3)) + np.eye(3)[y] + [0, 0, -9])
    yield case("three classes, one never predicted", p, y)
    p = softmax(draw.normal(size=(40, 3)) + np.eye(3)[y])
    yield case("three classes", p, y)
    y = np.where(y == 1, 0, y)
    yield case("three classes, one without samples but predicted", p, y)
    p = softmax(draw.normal(size=(30, 4)) + [0, 0, -12, 0])
    yield case("four classes, one neither there nor predicted", p, draw.choice([0, 1, 3], 30))
    y = draw.integers(0, 10, 150)
    yield case("ten classes", softmax(draw.normal(size=(150, 10)) + 1.5 * np.eye(10)[y]), y)
    y = draw.choice(10, 150, p=softmax(np.arange(10)[None] / 3.0)[0])
    p = np.round(softmax(2 * draw.normal(size=(150, 10)) + 2 * np.eye(10)[y]), 2)
    yield case("ten classes with ties, unbalanced", p / p.sum(axis=1, keepdims=True), y)
    yield case("six classes, equally probable", np.full((12, 6), 1 / 6), np.arange(12) % 6)


def regression(name, predicted, target):
    predicted, target = np.float32(predicted), np.float32(target)
    p, t = predicted.astype(np.float64), target.astype(np.float64)
    expected = {
        "mse": sk.mean_squared_error(t, p), "rmse": sk.root_mean_squared_error(t, p),
        "mae": sk.mean_absolute_error(t, p), "r2": null(sk.r2_score(t, p)),
        "mape": sk.mean_absolute_percentage_error(t, p),
    }
    return {"name": name, "predicted": p.tolist(), "target": t.tolist(), "expected": expected}


def regressions():
    draw = np.random.default_rng(2)
    target = 100 * draw.normal(size=50) + 20
    yield regression("fifty numbers", target + 30 * draw.normal(size=50), target)
    yield regression("worse than the mean", -target, target)
    yield regression("perfect", target[:5], target[:5])
    yield regression("every target the same, missed", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    yield regression("every target the same, met", [2.0, 2.0], [2.0, 2.0])
    yield regression("a target of 0", [0.5, 1.5, -2.0], [0.0, 1.0, -2.5])
    yield regression("one sample", [1.5], [1.0])
    yield regression("large numbers far from 0", 1e6 + target[:20] / 10, 1e6 + target[20:40])


def indicator(name, p, y, threshold=0.5):
    """Figures of an indicator matrix; an area that a label has not is left out of the mean."""
    p, y = np.asarray(p, dtype=np.float32), np.asarray(y)
    predicted, wide = (p >= np.float32(threshold)).astype(int), p.astype(np.float64)
    areas = [null(sk.roc_auc_score(y[:, c], wide[:, c])) for c in range(y.shape[1])]
    areas = [area for area in areas if area is not None]
    expected = {"accuracy": float((predicted == y).mean()), "exact_match": sk.accuracy_score(y, predicted)}
    functions = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    for average in ["micro", "macro"]:
        for figure, function in functions.items():
            expected[f"{figure}_{average}"] = function(y, predicted, average=average, zero_division=0)
    expected["auc"] = float(np.mean(areas)) if areas else None
    expected["pr_auc"] = sk.average_precision_score(y, wide, average="macro")
    return {"name": name, "labels": y.shape[1], "threshold": threshold, "expected": expected,
            "probabilities": [float(value) for value in p.flatten()], "targets": y.flatten().tolist()}


def indicators():
    draw = np.random.default_rng(3)
    y = draw.integers(0, 2, (60, 3))
    scores = np.clip(np.round(0.5 + 0.3 * (y - 0.5) + draw.normal(0, 0.25, y.shape), 1), 0, 1)
    yield indicator("three labels with ties", scores, y)
    yield indicator("three labels at a threshold", scores, y, 0.7)
    yield indicator("three labels, one never predicted", scores * [1, 1, 0.4], y)
    yield indicator("three labels, one that never holds", scores, y * [1, 0, 1])
    yield indicator("three labels, one that always holds", scores, np.maximum(y, [0, 0, 1]))
    yield indicator("every probability the same", np.full((6, 2), 0.5), y[:6, :2])
    yield indicator("perfect and sure", y[:9].astype(float), y[:9])
    rare = (draw.uniform(size=(200, 5)) < [0.02, 0.05, 0.1, 0.3, 0.9]).astype(int)
    yield indicator("five labels, some rare", 1 / (1 + np.exp(2 - 2 * rare - draw.normal(size=rare.shape))), rare)


def rows(items):
    return ",\n".join(json.dumps(item) for item in items)


print(f'{{"scikit-learn": "{sklearn.__version__}", "scipy": "{scipy.__version__}",\n"cases": [\n{rows(cases())}\n],\n'
      f'"regressions": [\n{rows(regressions())}\n],\n"indicators": [\n{rows(indicators())}\n]}}')
