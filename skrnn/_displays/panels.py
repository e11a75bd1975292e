"""Forecasts taken apart: one panel for each output of each series."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skrnn._displays.tables import as_frame, by_series, title_of

MOST = 9  # series, unless the user names more

_ENDS = ("lower", "upper")


@dataclass(frozen=True)
class Panel:
    """One output of one series; pandas Series with the times as index, or None."""

    name: str
    forecast: Any
    truth: Any
    history: Any
    bands: dict[str, tuple[Any, Any]]  # label: lower and upper end; the widest last
    origin: Any


def read_panels(
    y_pred: Any, y_true: Any, bands: Any, history: Any, origin: Any, series: Sequence[Any] | None
) -> tuple[list[Panel], str]:
    """What is drawn on each axes, and how many of how many series that are, in words, unless it is all of them."""
    start = 0 if history is None or hasattr(history, "iloc") else len(history)
    points, own = divided(as_frame(y_pred, "y_pred", start=start))
    given = own if bands is None else bands if isinstance(bands, Mapping) else {"band": bands}
    ends = {
        str(label): [by_series(as_frame(end, "A band", like=points)) for end in pair] for label, pair in given.items()
    }
    truths = {} if y_true is None else by_series(as_frame(y_true, "y_true", like=points))
    pasts = {} if history is None else by_series(as_frame(history, "history"))
    for name, found in (("y_true", truths), ("history", pasts)):
        _check_like(points, found, name)
    forecasts = by_series(points)
    panels, chosen = [], _chosen(forecasts, series)
    for label in chosen:
        frame = forecasts[label]
        for i, name in enumerate(frame.columns):
            past = _column(pasts, label, i)
            panels.append(
                Panel(
                    title_of(label, name if frame.shape[1] > 1 or label == () else ""),
                    frame.iloc[:, i],
                    _column(truths, label, i),
                    past,
                    {key: (_column(lower, label, i), _column(upper, label, i)) for key, (lower, upper) in ends.items()},
                    past.index[-1] if origin is None and past is not None else origin,
                )
            )
    return panels, "" if len(chosen) == len(forecasts) else f", {len(chosen)} of {len(forecasts)} series"


def divided(table: Any) -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """The forecasts of a table, and the bands whose ends stand in it, as ``forecast`` names them."""
    labels = list(table.columns)
    names = [name for name in labels if all(_extended(name, end) in labels for end in _ENDS)]
    if not names:
        return table, {}
    points = table[names]
    lower, upper = (table[[_extended(name, end) for name in names]].set_axis(points.columns, axis=1) for end in _ENDS)
    return points, {"band": (lower, upper)}


def _extended(name: Hashable, end: str) -> Hashable:
    return (*name[:-1], f"{name[-1]}_{end}") if isinstance(name, tuple) else f"{name}_{end}"


def _chosen(forecasts: Mapping[Hashable, Any], series: Sequence[Any] | None) -> list[Hashable]:
    """Labels of the series to draw."""
    if series is None:
        return list(forecasts)[:MOST]
    unknown = [label for label in series if label not in forecasts]
    if unknown or not len(series):
        raise ValueError(
            f"series must name series of y_pred, got {list(series)!r}. There are {len(forecasts)}: "
            f"{', '.join(map(repr, list(forecasts)[:3]))}{', ...' if len(forecasts) > 3 else ''}."
        )
    return list(series)


def _check_like(points: Any, found: Mapping[Hashable, Any], name: str) -> None:
    """Truth and history must have the outputs of the forecasts, and times of their kind."""
    for frame in found.values():
        if frame.shape[1] != points.shape[1]:
            raise ValueError(f"{name} has {frame.shape[1]} columns, but y_pred has {points.shape[1]}.")
        times = points.index.get_level_values(-1)
        if len(frame) and frame.index.dtype.kind not in {
            times.dtype.kind,
            *("iuf" if times.dtype.kind in "iuf" else ""),
        }:
            raise ValueError(
                f"The index of {name} holds {frame.index.dtype}, but that of y_pred {times.dtype}, so that they cannot "
                "be drawn on one axis. Give both the same kind of index."
            )


def _column(frames: Mapping[Hashable, Any], label: Hashable, i: int) -> Any:
    """One output of one series, None if there is nothing of it."""
    frame = frames.get(label)
    return None if frame is None or not len(frame) else frame.iloc[:, i]


def message_of(panels: Sequence[Panel], which: str) -> str:
    """How long the forecasts are, and how good where this is known."""
    longest = max(len(panel.forecast) for panel in panels)
    parts = [f"{longest} steps ahead{which}" if longest > 1 else f"1 step ahead{which}"]
    errors, within = [], []
    for panel in panels:
        if panel.truth is None:
            continue
        truth = panel.truth.reindex(panel.forecast.index)
        errors.append((panel.forecast - truth).to_numpy(dtype=float))
        for lower, upper in list(panel.bands.values())[-1:]:
            known = truth.notna() & lower.notna() & upper.notna()
            within.append(((truth >= lower) & (truth <= upper))[known].to_numpy())
    known = np.concatenate(errors) if errors else np.empty(0)
    known = known[np.isfinite(known)]
    if len(known):
        parts.append(f"RMSE {np.sqrt(np.mean(known**2)):.3g}")
    if within and len(inside := np.concatenate(within)):
        parts.append(f"{np.mean(inside):.0%} within the {list(panels[0].bands)[-1]}")
    return ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]
