"""What all displays share: axes, colours, and what stands above them.

Colours are told apart by colour-blind readers, on light and on dark styles; line styles and places say the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

# A blue between the two of Okabe and Ito, their vermillion and their green: all stand out on white and on black.
FIRST, SECOND, THIRD, NEUTRAL = "#2b8cd0", "#d55e00", "#009e73", "0.5"

_LEGEND_ROW = 24.0  # points between axes and title


def ink() -> str:
    """The colour of text, black on light styles and white on dark ones."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def one_axes(ax: Any) -> Any:
    """The axes to draw on; those of a new figure if there are none."""
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1] if ax is None else ax


def many_axes(ax: Any, n: int, *, columns: int, size: tuple[float, float], caller: str) -> np.ndarray:
    """The axes (n,) to draw on: given ones, parts of a given one, or those of a new figure.

    ``size`` is the width and the height of one of them in inches.
    """
    import matplotlib.pyplot as plt

    rows = -(-n // columns)
    if ax is None:
        shape = (columns * size[0], rows * size[1])
        axes = plt.subplots(rows, columns, figsize=shape, squeeze=False, layout="constrained")[1].ravel()
    elif n > 1 and _is_divided(ax):
        ax.set_axis_off()
        heights = [0.05, *[1.0] * rows]  # the first strip is for the legend
        gap = (0.3 if rows == 1 else 0.7) / np.mean(heights)
        grid = ax.get_subplotspec().subgridspec(rows + 1, columns, height_ratios=heights, wspace=0.35, hspace=gap)
        axes = np.array([ax.figure.add_subplot(grid[1 + i // columns, i % columns]) for i in range(n)], dtype=object)
    else:
        axes = np.array(ax, dtype=object).ravel()
        if len(axes) != n:
            raise ValueError(f"{caller} draws on {n} axes, but ax holds {len(axes)}. Pass {n} of them, or ax=None.")
        return axes
    for unused in axes[n:]:
        unused.remove()
    return axes[:n]


def styled(default: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Keywords of a line, where those that are given take the place of the others."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {**default, **normalize_kwargs(dict(given or {}), Line2D)}


def head(ax: Any, title: str) -> None:
    """A title, and below it a legend beside which no data can lie."""
    entries = _entries([ax])
    ax.set_title(title, loc="left", pad=_LEGEND_ROW if entries else None, fontsize="medium")
    if entries:
        ax.legend(
            entries.values(),
            entries.keys(),
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.2,
            borderpad=0.2,
            handlelength=1.6,
            handletextpad=0.5,
            columnspacing=1.0,
            ncols=len(entries),
            frameon=False,
            fontsize="small",
        )


def note(axes: np.ndarray, message: str, *, given: Any) -> None:
    """A message over several axes and one legend beside which no data can lie.

    ``given`` is what the user passed as ``ax``. Where that are several axes, these have their titles, and no message.
    """
    entries = _entries(axes)
    legend = {"handles": entries.values(), "labels": entries.keys(), "ncols": len(entries), "frameon": False}
    if given is None:
        figure = axes[0].figure
        figure.suptitle(message, fontsize="medium")
        if entries:
            figure.legend(loc="outside lower center", **legend)
    elif _is_divided(given):
        given.set_title(message, fontsize="medium")
        if entries:
            given.legend(loc="upper center", borderaxespad=0.0, fontsize="small", **legend)
    elif entries:
        for ax in axes:
            ax.set_title(ax.get_title(), fontsize="medium", pad=_LEGEND_ROW)
        axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, fontsize="small", **legend)


def _is_divided(ax: Any) -> bool:
    """Whether one axes was given, whose place several take."""
    return hasattr(ax, "get_subplotspec") and ax.get_subplotspec() is not None


def _entries(axes: Iterable[Any]) -> dict[str, Any]:
    """What a legend of some axes shows: each label once, in the order in which they were drawn."""
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return entries
