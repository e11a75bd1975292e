"""What networks are compared with in ``sequence_sets.py``: means for tables on whole sequences, and convolutions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from _problem import PENALTIES
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

KERNEL = 9  # steps that a convolution reads
AT_ONCE = 4_000_000  # numbers of one block of answers


def simple_answers(kind: str, X: np.ndarray, y: np.ndarray, asked: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Answers to the sequences ``asked``: of the nearest sequence, of ridge, and of randomised trees."""
    classes = kind == "classification"
    models = {
        "1-NN": (KNeighborsClassifier if classes else KNeighborsRegressor)(1),
        "ridge": (RidgeClassifierCV if classes else RidgeCV)(PENALTIES),
        "extra-trees": (ExtraTreesClassifier if classes else ExtraTreesRegressor)(200, random_state=0),
    }
    flat, flat_asked = (without_gaps(part).reshape(len(part), -1) for part in (X, asked))
    return {
        name: lambda model=model: make_pipeline(StandardScaler(), model).fit(flat, y).predict(flat_asked)
        for name, model in models.items()
    }


def without_gaps(X: np.ndarray) -> np.ndarray:
    """Sequences whose missing steps, all of them in front, repeat the first step that is there."""
    first = np.isnan(X[:, :, 0]).sum(axis=1)
    steps = np.maximum(np.arange(X.shape[1]), first[:, None])
    return np.take_along_axis(X, steps[:, :, None], axis=1)


def rocket_answer(kind: str, X: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Random convolutions with ridge, after ROCKET (Dempster, Petitjean and Webb, 2020)."""
    both = [without_gaps(part) for part in (X, asked)]
    mean, std = both[0].mean(axis=(0, 1)), both[0].std(axis=(0, 1))
    both = [(part - mean) / np.where(std > 0, std, 1) for part in both]
    features = random_features(both[0], both[1])
    ridge = (RidgeClassifierCV if kind == "classification" else RidgeCV)(PENALTIES)
    return make_pipeline(StandardScaler(), ridge).fit(features[0], y).predict(features[1])


def random_features(X: np.ndarray, asked: np.ndarray, n_kernels: int = 1000) -> list[np.ndarray]:
    """The share of positive values and the largest value of each convolution, for two arrays of sequences.

    Each kernel has weights of mean 0 on some of the channels; kernels of one dilation are applied together. A bias is
    a quantile of what the kernel answers to one training sequence.
    """
    rng = np.random.default_rng(0)
    n_steps, n_channels = X.shape[1:]
    longest = max((n_steps - 1) // (KERNEL - 1), 1)
    dilations = np.unique(np.geomspace(1, longest, 8).astype(int))
    found: list[list[np.ndarray]] = [[], []]
    for dilation in dilations:
        n_here = n_kernels // len(dilations)
        weights = rng.normal(size=(KERNEL, n_channels, n_here))
        weights -= weights.mean(axis=0)
        chosen = rng.uniform(size=(n_channels, n_here)) < 1 / np.sqrt(n_channels)
        chosen[rng.integers(0, n_channels, n_here), np.arange(n_here)] = True
        weights = (weights * chosen).reshape(-1, n_here)
        sample = convolved(X[rng.integers(0, len(X), 20)], weights, dilation)
        bias = np.quantile(sample[rng.integers(0, 20, n_here), :, np.arange(n_here)], rng.uniform(size=n_here), axis=1)
        bias = np.diagonal(bias)
        for columns, part in zip(found, (X, asked), strict=True):
            size = max(AT_ONCE // (n_steps * n_here), 1)
            for_blocks = [convolved(part[i : i + size], weights, dilation) for i in range(0, len(part), size)]
            columns.append(np.concatenate([(block > bias).mean(axis=1) for block in for_blocks]))
            columns.append(np.concatenate([block.max(axis=1) for block in for_blocks]))
    return [np.concatenate(columns, axis=1) for columns in found]


def convolved(X: np.ndarray, weights: np.ndarray, dilation: int) -> np.ndarray:
    """Answers (n, n_steps, n_kernels) of kernels with weights (KERNEL * n_channels, n_kernels); zeros outside."""
    margin = dilation * (KERNEL - 1) // 2
    padded = np.pad(X, ((0, 0), (margin, margin), (0, 0)))
    starts = dilation * np.arange(KERNEL)
    read = np.concatenate([padded[:, i : i + X.shape[1]] for i in starts], axis=2)
    return read @ weights.astype(X.dtype)
