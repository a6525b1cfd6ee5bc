"""Writes statistics.json, beside this script, with scikit-learn and scipy: what tests/test_golden_statistics.cpp holds
train/metrics.h, calibration.h, statistics.h and bootstrap.h to.

    python make_statistics.py        needs numpy, scipy and scikit-learn 1.7 or later

Every input is drawn from a fixed seed. Numbers that JSON has no word for are the strings "inf" and "-inf".
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

random = np.random.default_rng(2021)


def plain(value):
    """`value` with Python's own numbers and lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else str(float(value))
    return value


# --- metrics ---


def metrics_case(name, classes, labels, predictions):
    numbers = list(range(classes))
    report = metrics.classification_report(
        labels, predictions, labels=numbers, target_names=[f"class{c}" for c in numbers], output_dict=True, zero_division=0
    )
    micro = metrics.precision_recall_fscore_support(labels, predictions, labels=numbers, average="micro", zero_division=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a predicted class that has no picture
        balanced = metrics.balanced_accuracy_score(labels, predictions)
    rows = [report[f"class{c}"] for c in numbers]
    average = lambda of: [report[of][key] for key in ("precision", "recall", "f1-score")]
    return {
        "name": name,
        "classes": classes,
        "labels": labels,
        "predictions": predictions,
        "accuracy": metrics.accuracy_score(labels, predictions),
        "balanced_accuracy": balanced,
        "precision": [row["precision"] for row in rows],
        "recall": [row["recall"] for row in rows],
        "f1": [row["f1-score"] for row in rows],
        "support": [int(row["support"]) for row in rows],
        "macro": average("macro avg"),
        "weighted": average("weighted avg"),
        "micro": micro[:3],
        "confusion": metrics.confusion_matrix(labels, predictions, labels=numbers),
    }


def draw_predictions(classes, count, accuracy):
    labels = random.integers(classes, size=count)
    right = random.random(count) < accuracy
    return labels, np.where(right, labels, random.integers(classes, size=count))


def metrics_cases():
    return [
        metrics_case("five classes, 60 pictures", 5, *draw_predictions(5, 60, 0.5)),
        metrics_case("two classes, unlike in size", 2, [0] * 18 + [1] * 4, [0] * 15 + [1] * 4 + [0] * 3),
        metrics_case("a class never predicted", 3, [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 0, 1]),
        metrics_case("a class without a picture", 3, [0, 0, 1, 1, 1], [0, 2, 1, 1, 2]),
        metrics_case("a class neither there nor predicted", 4, [0, 0, 1, 2], [0, 1, 1, 2]),
        metrics_case("all right", 3, [0, 1, 2, 2, 1], [0, 1, 2, 2, 1]),
        metrics_case("all wrong", 3, [0, 1, 2, 2], [1, 2, 0, 0]),
        metrics_case("one picture", 2, [1], [1]),
    ]


# --- calibration ---


def calibration_case(name, probabilities, labels, bins):
    probabilities = np.asarray(probabilities, np.float32)
    labels = np.asarray(labels)
    exact = probabilities.astype(np.float64)
    classes = exact.shape[1]
    confidence, right = exact.max(axis=1), exact.argmax(axis=1) == labels
    accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=bins, strategy="uniform")
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)
    counts = np.bincount(place, minlength=bins)
    counts = counts[counts > 0]
    gaps = np.abs(accuracy - mean_confidence)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows that float32 rounded
        log_loss = metrics.log_loss(labels, exact, labels=list(range(classes)))
        brier = metrics.brier_score_loss(labels, exact, labels=list(range(classes)), scale_by_half=False) if classes > 2 else (
            2 * metrics.brier_score_loss(labels == 1, exact[:, 1])
        )
    return {
        "name": name,
        "bins": bins,
        "probabilities": exact.ravel(),
        "labels": labels,
        "counts": counts,  # of the bins that hold a picture, as what follows
        "accuracy": accuracy,
        "confidence": mean_confidence,
        "expected_error": np.sum(counts / counts.sum() * gaps),
        "maximum_error": gaps.max(),
        "brier": brier,
        "log_loss": log_loss,
    }


def draw_probabilities(count, classes, sharpness):
    logits = random.normal(size=(count, classes)) * sharpness
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [random.choice(classes, p=row) for row in 0.5 * shares + 0.5 / classes]
    return shares.round(6), labels


def calibration_cases():
    return [
        calibration_case("five classes, too sure", *draw_probabilities(40, 5, 2), 10),
        calibration_case("three classes, 15 bins", *draw_probabilities(30, 3, 1), 15),
        calibration_case("two classes, on the bins' edges", [[0.5, 0.5], [0.25, 0.75], [0.75, 0.25], [1, 0]], [0, 1, 1, 0], 4),
        calibration_case("sure, right and wrong", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [0, 1, 1, 0], 10),
        calibration_case("sure and right", [[1, 0, 0], [0, 1, 0]], [0, 1], 10),
        calibration_case("one bin", *draw_probabilities(12, 4, 1), 1),
    ]


# --- means, t tests, McNemar, permutations, quantiles ---


def interval_case(values, level):
    low, high = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    return {"values": values, "level": level, "mean": np.mean(values), "deviation": np.std(values, ddof=1), "interval": [low, high]}


def t_test_case(first, second, level=0.95):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of differences that are all the same
        test = stats.ttest_rel(first, second)
        interval = test.confidence_interval(level)
    return {
        "first": first,
        "second": second,
        "level": level,
        "t": test.statistic,
        "degrees": test.df,
        "p": test.pvalue,
        "interval": list(interval) if np.isfinite(test.statistic) else [np.mean(np.subtract(first, second))] * 2,
    }


def mcnemar_case(both, only_first, only_second, neither):
    labels = [1] * (both + only_first + only_second + neither)
    first = [1] * (both + only_first) + [0] * (only_second + neither)
    second = [1] * both + [0] * only_first + [1] * only_second + [0] * neither
    return {
        "labels": labels,
        "first": first,
        "second": second,
        "only": [only_first, only_second],
        "p": stats.binomtest(only_first, only_first + only_second, 0.5).pvalue if only_first + only_second else 1.0,
    }


def sign_flip_case(differences):
    """All 2^n ways; scipy's two-sided p is twice the smaller tail. Scipy wants two pairs: one of 0 changes nothing."""
    several = np.array(differences if len(differences) > 1 else differences + [0])
    test = stats.permutation_test(
        (several, np.zeros(len(several), int)), lambda a, b, axis: np.sum(a - b, axis=axis),
        permutation_type="samples", n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    return {"differences": differences, "p": test.pvalue}


def quantile_case(values, shares):
    return {"values": values, "shares": shares, "quantiles": np.quantile(values, shares)}


# --- bootstrap by group: the library's draws, scikit-learn's figures ---


def philox(seed, stream, block):
    """Philox4x32-10 (Salmon et al., 2011): the four words of a block."""
    low = 0xFFFFFFFF
    x = [block & low, block >> 32, stream & low, stream >> 32]
    k = [seed & low, seed >> 32]
    for _ in range(10):
        p, q = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [q >> 32 ^ x[1] ^ k[0], q & low, p >> 32 ^ x[3] ^ k[1], p & low]
        k = [k[0] + 0x9E3779B9 & low, k[1] + 0xBB67AE85 & low]
    return x


BOOTSTRAP = 8  # mien::Purpose::bootstrap


def bootstrap_case(name, classes, labels, predictions, groups, other, resamples, level, seed):
    labels, predictions, other = map(np.asarray, (labels, predictions, other))
    names = sorted(set(groups))
    units = [np.flatnonzero(np.array(groups) == group) for group in names]
    numbers = list(range(classes))
    figures, differences, lacking = [], [], 0
    for resample in range(resamples):
        stream = BOOTSTRAP << 48 ^ resample
        words = [philox(seed, stream, i // 4)[i % 4] for i in range(len(units))]
        drawn = np.concatenate([units[word * len(units) >> 32] for word in words])
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            labels[drawn], predictions[drawn], labels=numbers, zero_division=0
        )
        right = predictions[drawn] == labels[drawn]
        lacking += len(set(labels[drawn])) < len(set(labels))
        figures.append([np.mean(right), precision.mean(), recall.mean(), f1.mean(), *precision, *recall, *f1])
        differences.append(np.mean(right) - np.mean(other[drawn] == labels[drawn]))
    ends = [(1 - level) / 2, (1 + level) / 2]
    return {
        "name": name,
        "classes": classes,
        "labels": labels,
        "predictions": predictions,
        "other": other,
        "groups": groups,
        "resamples": resamples,
        "level": level,
        "seed": seed,
        "lacking": lacking,
        "intervals": np.quantile(figures, ends, axis=0).T,  # accuracy, macro P R F1, then P, R and F1 of each class
        "difference": np.mean(predictions == labels) - np.mean(other == labels),
        "difference_interval": np.quantile(differences, ends),
        "p": sign_flip_case([int(np.sum(predictions[u] == labels[u]) - np.sum(other[u] == labels[u])) for u in units])["p"],
    }


def bootstrap_cases():
    labels, predictions = draw_predictions(3, 40, 0.6)
    _, other = draw_predictions(3, 40, 0.1)
    people = [f"p{number:02}" for number in random.integers(9, size=40)]
    return [
        bootstrap_case("nine people", 3, labels, predictions, people, other, 200, 0.95, 1),
        bootstrap_case("nine people, another seed and level", 3, labels, predictions, people, other, 99, 0.8, 2**40 + 7),
        bootstrap_case("two people of one class each", 2, [0, 0, 1, 1, 1], [0, 1, 1, 1, 0], list("aabbb"), [0, 0, 0, 0, 0], 50, 0.95, 3),
        bootstrap_case("one person", 2, [0, 0, 1, 1], [0, 1, 1, 1], list("aaaa"), [1, 1, 1, 1], 20, 0.95, 4),
    ]


def main():
    golden = {
        "made_with": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "metrics": metrics_cases(),
        "calibration": calibration_cases(),
        "intervals": [
            interval_case([0.43, 0.466, 0.394, 0.41, 0.47], 0.95),
            interval_case([0.5, 0.75], 0.95),
            interval_case(random.normal(size=12).round(4), 0.99),
        ],
        "t_tests": [
            t_test_case([0.43, 0.466, 0.394, 0.41, 0.47], [0.40, 0.45, 0.401, 0.38, 0.433]),
            t_test_case([0.5, 0.75], [0.25, 0.625]),
            t_test_case([0.5, 0.75, 0.25], [0.25, 0.5, 0.0]),
            t_test_case([0.25, 0.5], [0.5, 0.75]),
            t_test_case(random.normal(size=30).round(4), random.normal(0.4, size=30).round(4), 0.9),
            t_test_case([0.9, 0.1, 0.5], [0.1, 0.9, 0.5]),
        ],
        "mcnemar": [mcnemar_case(*c) for c in [(20, 8, 2, 5), (0, 0, 1, 0), (3, 4, 4, 0), (5, 0, 0, 5), (2, 0, 15, 1), (1, 61, 40, 3)]],
        "sign_flips": [
            sign_flip_case(d)
            for d in [[1, 1, 2], [3, -1, 2, 2, -4, 5, 1], [0, 0, 1, -2], [-2, -2, -2], [5, -5], [1] * 12, random.integers(-4, 6, size=14).tolist()]
        ],
        "quantiles": [
            quantile_case([3.0, 1.0, 2.0], [0, 0.25, 0.5, 0.9, 1]),
            quantile_case([7.0], [0, 0.3, 1]),
            quantile_case(random.normal(size=25).round(4), [0.025, 0.5, 0.975]),
        ],
        "bootstrap": bootstrap_cases(),
    }  # fmt: skip
    text = json.dumps(plain(golden), separators=(",", ":")).replace('},{"', '},\n{"')
    (pathlib.Path(__file__).parent / "statistics.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
