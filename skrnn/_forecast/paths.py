"""Sample paths: in place of its answer a draw is fed back, so that the spread of later steps grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skrnn._forecast.bands import Errors, check_drawn_from
from skrnn._forecast.distribution import Distribution, sizes_of_windows
from skrnn._forecast.parts import Parts
from skrnn._forecast.recursion import Read, recurse_reading
from skrnn._forecast.sheet import Sheet


def sample_paths(
    parts: Parts, sheet: Sheet, at: np.ndarray, targets: Sequence[int] | None, n_paths: int, draw: Read
) -> tuple[np.ndarray, np.ndarray]:
    """Paths (n_origins, steps, n_outputs, n_paths), and which windows (n_origins, steps) miss steps."""
    found, missing = recurse_reading(parts, sheet, at.repeat(n_paths, axis=0), targets, draw)
    paths = found[..., 0].reshape(len(at), n_paths, *found.shape[1:3])
    return np.moveaxis(paths, 1, -1), missing[::n_paths]


def draw_from_model(distribution: Distribution, rng: np.random.RandomState) -> Read:
    """Draws from what the model itself says of the spread, independent of each other."""
    return lambda X, _: distribution.draw(X, rng)[..., None]


def draw_from_errors(parts: Parts, errors: Errors, n_steps: int, rng: np.random.RandomState) -> Read:
    """Answers plus errors of the ``n_steps`` that are predicted at once, drawn together from one origin."""
    if errors.values.shape[1] < n_steps:
        raise ValueError(
            f"The model predicts {n_steps} steps at once, but it was calibrated for {errors.values.shape[1]}. "
            "Calibrate it with as many steps."
        )
    blocks = errors.blocks(n_steps)
    check_drawn_from(len(blocks))

    def read(X: Any, width: int) -> np.ndarray:
        answers = parts.predict(X)  # (origin * width, target)
        chosen = blocks[rng.randint(len(blocks), size=len(answers) // width), :width]
        sizes = sizes_of_windows(parts, X)
        if sizes is not None:
            chosen = chosen * sizes.reshape(chosen.shape)[:, :1]
        return errors.unit.moved(answers, chosen.reshape(answers.shape))[..., None]

    return read
