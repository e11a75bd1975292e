"""What an untrained model is made of: what is asked for, and the units of the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from skrnn._data.examples import Examples
from skrnn._data.sequences import lacks_some
from skrnn._data.spec import NetworkSpec
from skrnn._data.units import Scale
from skrnn._model.anchor import Anchor, divided
from skrnn._model.loss_contract import FunctionLoss, Loss, check_loss, is_robust, moves_with_y
from skrnn._model.units import Units

_TRIED = 10_000  # targets on which a loss is tried
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Start:
    """What an untrained model is made of, beside the examples; ``asked`` are the parameters that shape it."""

    spec: NetworkSpec
    loss: Loss
    asked: Mapping[str, Any]
    linear: bool | int  # what of ``linear_skip`` holds
    seed: int
    dtype: str
    device: str

    @property
    def of_network(self) -> Start:
        """What is trained: with ``linear_skip="auto"``, a network without a linear map."""
        return replace(self, linear=False) if self.asked["linear_skip"] == "auto" else self


def units_of(start: Start, examples: Examples) -> Units:
    """The units of the examples, and what they are measured from."""
    sequences, robust, missing = examples.sequences, is_robust(start.loss), start.asked["missing"]
    units = Units(
        x=sequences.scale(examples.weight, missing, robust=robust),
        y=_target_scale(start.loss, examples.y, examples.answer_weight()),
        missing=missing,
        has_missing=missing != "indicator" or lacks_some(sequences, examples.weight),
    )
    asked, scaling = start.asked.get("anchor"), start.asked.get("scaling")
    if scaling is not None:
        _check_scaled(start, scaling)
    elif asked == "auto" and start.linear is False:
        asked = None
    if asked is None or start.spec.return_sequences or not moves_with_y(start.loss):
        return units
    y = units.y.apply(examples.y, np.float64)
    anchor = Anchor.find(sequences, y, only_changes=asked == "last" or scaling is not None, scaling=scaling)
    if anchor is None:
        if asked == "last":
            raise ValueError(
                "anchor='last' needs a channel of X that holds the past of y, with samples in the order of time; none "
                "was found. Keep the rows in order, or set anchor='auto' or None."
            )
        return units
    anchor = replace(anchor, slope=anchor.slope * units.y.std, offset=anchor.offset * units.y.std + units.y.mean)
    if scaling is not None:
        anchor = _without_rounding(anchor, examples.y)
    learnt = examples.take(anchor.complete(sequences))
    units = units.anchored(anchor, learnt, robust=robust)
    levels = units.levels(learnt.sequences)
    assert levels is not None
    changes = anchor.of_targets(levels.values)
    np.subtract(learnt.y, changes, out=changes)
    if levels.sizes is not None:
        changes = divided(changes, anchor.sizes_of_targets(levels.sizes))
    return replace(units, y=_target_scale(start.loss, changes, learnt.weight))


def _check_scaled(start: Start, scaling: str) -> None:
    """Refuse what leaves nothing to be scaled."""
    reason = None
    if start.asked.get("anchor") is None:
        reason = "anchor=None"
    elif start.spec.return_sequences:
        reason = "return_sequences=True"
    elif not moves_with_y(start.loss):
        reason = "a loss whose answers do not move with y"
    if reason is not None:
        raise ValueError(
            f"scaling={scaling!r} divides the changes from an anchor, which there is not with {reason}. Set "
            "scaling=None, or change that (see anchor)."
        )


def _without_rounding(anchor: Anchor, y: np.ndarray) -> Anchor:
    """The same anchor, exact where the channel is the target itself: beside small series, rounding is not small."""
    same = np.isclose(anchor.slope, 1, rtol=_ROUNDING) & (np.abs(anchor.offset) <= _ROUNDING * np.abs(y).max(axis=0))
    return replace(anchor, slope=np.where(same, 1, anchor.slope), offset=np.where(same, 0, anchor.offset))


def _target_scale(loss: Loss, y: np.ndarray, weight: np.ndarray) -> Scale:
    """The units in which a loss reads targets."""
    n_targets = y.shape[-1]
    if not loss.equivariant and not isinstance(loss, FunctionLoss):
        return Scale.identity(n_targets)
    y, weight = y.reshape(-1, n_targets), weight.ravel()
    if getattr(loss, "domain", "real") == "non-negative":
        with np.errstate(over="ignore"):
            mean = weight @ y / weight.sum()
        if not np.all(np.isfinite(mean)):
            raise ValueError("y contains values too large to compute their mean. Rescale them.")
        return Scale(np.zeros(n_targets), np.where(mean > 0, mean, 1.0))
    measure = Scale.robust if is_robust(loss) else Scale.of
    return measure(lambda: [(y, weight)], n_targets, y.dtype, [f"Output {i} of y" for i in range(n_targets)])


def tried(loss: Loss, width: int, examples: Examples, y_scale: Scale) -> Loss:
    """The loss, in the units of the targets if it is told them; it was tried on some of these."""
    y, weight = examples.y.reshape(-1, examples.y.shape[-1]), examples.answer_weight().ravel()
    used = np.flatnonzero(weight > 0)[:_TRIED]
    scaled = torch.from_numpy(y_scale.apply(y[used], np.float64))
    if isinstance(loss, FunctionLoss):
        loss = loss.in_units_of_y(y_scale.mean, y_scale.std)
    check_loss(loss, width, scaled)
    return loss.in_unit_of(scaled, torch.from_numpy(weight[used])) if isinstance(loss, FunctionLoss) else loss
