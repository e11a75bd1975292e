"""What a forecast is asked for beside its point answers, and the frame that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skrnn._forecast.bands import Errors, check_taken, held_out_errors
from skrnn._forecast.distribution import Distribution
from skrnn._forecast.parts import Parts
from skrnn._forecast.paths import draw_from_errors, draw_from_model, sample_paths
from skrnn._forecast.recursion import at_a_time, recurse
from skrnn._forecast.rows import Rows
from skrnn._forecast.sheet import Sheet


@dataclass(frozen=True)
class Asked:
    """The parameters of ``forecast`` of these names."""

    steps: int
    confidence_level: float | None
    return_std: bool
    return_quantiles: bool
    n_paths: int | None
    draw_from: str
    random_state: Any

    def check(self, errors: Errors | None) -> None:
        """Refuse what does not go together; ``errors`` are those of a calibrated model."""
        if self.n_paths is not None and (self.return_std or self.return_quantiles or self.confidence_level is not None):
            raise ValueError(
                "n_paths returns sample paths alone. Take standard deviations, quantiles and bands from them, such as "
                'paths["load"].quantile([0.1, 0.9], axis=1).T.'
            )
        if errors is None or self.confidence_level is None:
            return
        if errors.values.shape[1] < self.steps:
            raise ValueError(
                f"The model was calibrated for {errors.values.shape[1]} steps, so that bands of steps={self.steps} are "
                "not known. Calibrate it with as many steps."
            )
        few = np.flatnonzero(~np.isfinite(errors.widths(self.confidence_level)[: self.steps]).all(axis=1))
        if len(few):
            raise ValueError(
                f"confidence_level={self.confidence_level} needs more errors than the {errors.n_seen[few[-1]]} that "
                f"calibrate found at step {few[-1] + 1}. Raise its test_size, lower its stride, or lower "
                "confidence_level."
            )

    def errors(
        self, parts: Parts, rows: Rows, targets: list[int] | None, errors: Errors | None
    ) -> tuple[Errors | None, list[np.ndarray]]:
        """The errors that bands and paths are made of, if there are any; and which of the windows read miss steps."""
        level = self.confidence_level
        if is_classifier(parts.back) and (self.n_paths is not None or level is not None):
            raise ValueError("confidence_level and n_paths add errors to numbers, which labels are not.")
        from_errors = self.n_paths is not None and self.distribution(parts) is None
        if errors is not None or not (from_errors or level is not None):
            return errors, []
        if targets is None:
            asked = "n_paths" if level is None else "confidence_level"
            raise ValueError(f"{asked} compares forecasts with X: name the column of X whose value y is.")
        n_steps = self.steps if level is not None else at_a_time(parts.horizon, self.steps)
        errors, missing = held_out_errors(parts, rows, n_steps, targets, level)
        if level is not None:
            check_taken(errors, level, rows.names(targets))
        return errors, [missing.ravel()]

    def distribution(self, parts: Parts) -> Distribution | None:
        """What the model says of the spread, if paths are to be drawn from that."""
        found = Distribution.of(parts) if self.draw_from != "errors" else None
        if found is None and self.draw_from == "model":
            raise ValueError(
                "draw_from='model' needs a model that says how its answers spread: loss='gaussian', or "
                "loss='quantile' with several levels."
            )
        return found

    def answers(
        self, parts: Parts, sheet: Sheet, at: np.ndarray, targets: Sequence[int] | None, errors: Errors | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Paths, or answers and what else is read (series, step, output, reading); sizes; which windows miss steps."""
        if self.n_paths is not None:
            rng, distribution = check_random_state(self.random_state), self.distribution(parts)
            if distribution is not None:
                draw = draw_from_model(distribution, rng)
            else:
                assert errors is not None
                draw = draw_from_errors(parts, errors, at_a_time(parts.horizon, self.steps), rng)
            paths, missing = sample_paths(parts, sheet, at, targets, self.n_paths, draw)
            return paths, np.ones(paths.shape[:3]), missing
        spread = self._spread(parts)

        def read(X: Any, _: int) -> np.ndarray:
            found = [parts.predict(X)[..., None]]
            if self.return_std:
                found.append(spread.std(X)[..., None])
            if self.return_quantiles:
                found.append(spread.quantiles(X))
            return np.concatenate(found, axis=-1)

        return recurse(parts, sheet, at, targets, read)

    def labels(self, parts: Parts) -> list[str]:
        """What stands behind the names of the columns of one target."""
        ends = [] if self.confidence_level is None else ["lower", "upper"]
        levels = self._spread(parts).levels if self.return_quantiles else ()
        return ["", *["std"] * self.return_std, *(f"q{level:g}" for level in levels), *ends]

    def _spread(self, parts: Parts) -> Any:
        """What the model says of the spread; None if that is not asked for."""
        if not (self.return_std or self.return_quantiles):
            return None
        found = Distribution.of(parts)
        if found is None:
            asked = "return_std=True" if self.return_std else "return_quantiles=True"
            raise ValueError(
                f"{asked} needs a model that says how its answers spread: loss='gaussian', or loss='quantile' with "
                "several levels. For others there are confidence_level and n_paths."
            )
        return found


def names_of(rows: Rows, targets: list[int] | None, n_outputs: int) -> list[Any]:
    """Names of the predictions."""
    if targets is None or len(targets) != n_outputs:
        return ["prediction"] if n_outputs == 1 else [f"prediction_{i}" for i in range(n_outputs)]
    return [rows.frame.columns[i] for i in targets]


def table_of(found: np.ndarray, labels: Sequence[str], index: Any, names: Sequence[Any]) -> Any:
    """Readings (series, step, output, reading) as a frame; the labels stand behind the names."""
    import pandas as pd

    columns = [found[:, :, i, j].ravel() for i in range(len(names)) for j in range(len(labels))]
    extended = [_extended(name, label) for name in names for label in labels]
    return pd.DataFrame(dict(enumerate(columns)), index=index).set_axis(pd.Index(extended), axis=1)


def table_of_paths(paths: np.ndarray, index: Any, names: Sequence[Any]) -> Any:
    """Paths (series, step, output, path) as a frame whose columns tell target and path."""
    import pandas as pd

    n_paths = paths.shape[3]
    labels = [(*(name if isinstance(name, tuple) else (name,)), path) for name in names for path in range(n_paths)]
    levels = [None] * (len(labels[0]) - 2)
    columns = pd.MultiIndex.from_tuples(labels, names=["target", *levels, "path"])
    return pd.DataFrame(paths.reshape(len(index), -1), index=index, columns=columns)


def _extended(name: Any, label: str) -> Any:
    """A name with something behind it; of the labels of several levels, the last is extended."""
    if not label:
        return name
    return (*name[:-1], f"{name[-1]}_{label}") if isinstance(name, tuple) else f"{name}_{label}"
