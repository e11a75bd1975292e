"""From X and y to the numbers that a network reads and answers, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from skrnn._data.examples import Examples
from skrnn._data.on_device import DeviceData
from skrnn._data.sequences import Sequences, lacks_some
from skrnn._data.units import Scale
from skrnn._model.anchor import Anchor, Levels, divided
from skrnn._model.seen import EVERYTHING, Seen

_AT_ONCE = 2**14  # rows of the base
_SMALL = 2.0**-100  # a size, in that of all, below which single precision has few digits


@dataclass(frozen=True)
class Units:
    """Channels and targets are standardised, those with an anchor as changes from it.

    ``values`` are of anchored channels as they are, which layers read beside the changes. Nothing was learnt about what
    lies far beyond what was ``seen``, for instance in front of a jump of the level: changes are read as no farther than
    twice the farthest, and values fade to the mean within one standard deviation. With ``scaling``, each sequence and
    its targets are in units of its size, and only changes are read.
    """

    x: Scale
    y: Scale
    missing: str
    has_missing: bool = True  # whether some steps lack channels and others do not; see missing="indicator"
    anchor: Anchor | None = None
    values: Scale | None = None
    sizes: np.ndarray | None = None  # (anchored channel,), of sequences of which nothing is known; None without scaling
    seen: Seen = EVERYTHING  # of anchored channels; also in models that were saved before it was measured

    @property
    def n_channels(self) -> int:
        return len(self.x.mean)

    @property
    def n_inputs(self) -> tuple[int, int]:
        """How many columns the linear map reads, and how many the layers, which read the same and some more."""
        n = self.n_channels + (self.missing == "indicator")
        return n, n + (0 if self.values is None else len(self.values.mean))

    def anchored(self, anchor: Anchor, examples: Examples, *, robust: bool) -> Units:
        """The units of sequences that are measured from an anchor; those of the targets are left to be measured."""
        sequences, channels = examples.sequences, anchor.channels
        std = self.x.std.copy()
        sizes = None if anchor.scaling is None else np.where(np.isfinite(std[channels]), std[channels], 1.0)
        units = replace(self, anchor=anchor, sizes=sizes)
        levels = units.levels(sequences)
        assert levels is not None
        spreads = anchor.spreads(sequences, levels, examples.weight, robust=robust)
        std[channels] = np.where(np.isfinite(std[channels]) & (spreads > 0), spreads, std[channels])
        values = None if anchor.only_changes else Scale(self.x.mean[channels], self.x.std[channels])
        return replace(units, x=Scale(self.x.mean, std), values=values, seen=Seen.of(sequences, channels, levels))

    def also_of(self, examples: Examples, *, robust: bool) -> Units:
        """With units of what was constant in all training data before these, and with what is seen in these."""
        units, sequences = self, examples.sequences
        if not np.isfinite(self.x.std).all():
            units = replace(units, x=self.x.completed(sequences.scale(examples.weight, self.missing, robust=robust)))
        levels = units.levels(sequences)
        if units.anchor is not None and levels is not None:
            seen = Seen.of(sequences, units.anchor.channels, levels)
            units = replace(units, seen=units.seen.with_more(seen))
        return units if self.has_missing else replace(units, has_missing=lacks_some(sequences, examples.weight))

    def levels(self, sequences: Sequences) -> Levels | None:
        """From what the anchored channels of each sequence are measured; None if none are."""
        if self.anchor is None:
            return None
        values = self.anchor.levels(sequences, self.x.mean[self.anchor.channels])
        return Levels(values, None if self.sizes is None else self.anchor.sizes(sequences, self.sizes))

    def of_targets(self, levels: Levels | None) -> Scale:
        """From what and in what targets are measured, (n, target) or (target,) each."""
        if self.anchor is None or levels is None:
            return self.y
        sizes = 1.0 if levels.sizes is None else self.anchor.sizes_of_targets(levels.sizes)
        return Scale(self.y.mean * sizes + self.anchor.of_targets(levels.values), self.y.std * sizes)

    def targets(self, y: np.ndarray, levels: Levels | None) -> np.ndarray:
        """Targets (..., target) in the units of the network, in double precision; 0 where a sequence tells no size."""
        flat, scale = y.reshape(-1, y.shape[-1]), self.y
        if self.anchor is not None and levels is not None:
            flat, scale = flat - self.of_targets(levels).mean, Scale(np.zeros_like(scale.mean), scale.std)
            if levels.sizes is not None:
                flat = divided(flat, self.anchor.sizes_of_targets(levels.sizes))
        return scale.apply(flat, np.float64, "output {} of y").reshape(y.shape)

    def on_device(
        self,
        sequences: Sequences,
        device: torch.device,
        dtype: torch.dtype,
        *,
        levels: Levels | None,
        segment_size: int = 1,
        like: DeviceData | None = None,
    ) -> DeviceData:
        """Sequences in the units of the network; ``like`` are others from the same base."""
        channels = () if self.anchor is None else tuple(self.anchor.channels.tolist())
        within = sequences
        if levels is not None:
            within = self.seen.within_reach(sequences, np.array(channels), levels)
        if like is None or within is not sequences:
            sequences = within
            read, seen = self.rows(sequences, np.float64 if dtype == torch.float64 else np.float32)
            base = torch.from_numpy(read).to(device)
            observed = None if seen is None else torch.from_numpy(seen).to(device)
        else:
            base, observed = like.base, like.observed
        level = factor = None
        if levels is not None:
            some, of_rows = list(channels), _of_rows(self)
            scaled = Scale(of_rows.mean[some], of_rows.std[some]).apply(levels.values, np.float64)
            level = torch.from_numpy(scaled).to(device=device, dtype=dtype)
            if levels.sizes is not None:
                sizes = levels.sizes / of_rows.std[some]
                factors = divided(1 / self.x.std[some], np.where(sizes > _SMALL, sizes, 0))
                factor = torch.from_numpy(factors).to(device=device, dtype=dtype)
        return DeviceData(
            base=base,
            level=level,
            levelled=channels,
            observed=observed,
            starts=torch.from_numpy(sequences.starts).to(device),
            n_steps=sequences.n_steps,
            segment_size=segment_size,
            n_linear=self.n_inputs[0],
            factor=factor,
        )

    def rows(self, sequences: Sequences, number: type[np.floating]) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows of the base in the units of the network, and which of them are observed, or None for all.

        What is missing of channels with sizes is NaN, and counts as the level of a sequence.
        """
        base = np.empty((len(sequences.base), self.n_inputs[1]), number)
        channels = base[:, : self.n_channels]
        _of_rows(self).apply(sequences.base, number, out=channels)
        observed = sequences.observed(self.missing)
        complete = bool(observed.all())
        if self.missing == "indicator":
            lacking = np.isnan(channels)
            channels[lacking] = 0.0
            base[:, self.n_channels] = lacking.any(axis=1) & self.has_missing
        elif not complete:
            channels[~observed] = 0.0
        if self.anchor is not None and self.sizes is not None:
            own = self.anchor.channels
            unknown = np.isnan(sequences.base[:, own]) | ~observed[:, None]
            channels[:, own] = np.where(unknown, np.nan, channels[:, own])
        for first in range(0, len(base) if self.values is not None else 0, _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            base[rows, self.n_inputs[0] :] = self._values(sequences.base[rows])
        return base, None if complete else observed

    def _values(self, rows: np.ndarray) -> np.ndarray:
        """Values of the anchored channels (row, anchored channel) as the layers read them, of rows of the base."""
        assert self.anchor is not None
        assert self.values is not None
        nearest, beyond = self.seen.nearest(rows[:, self.anchor.channels], self.values.std)
        read = (nearest - self.values.mean) / self.values.std * (1 - np.minimum(np.abs(beyond), 1))
        read[np.isnan(read)] = 0.0
        return read

    def linear_part(
        self, coef: np.ndarray, bias: np.ndarray, outputs: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A linear map (output, step, channel) and its biases (output,) in the units of X and, where known, of y.

        ``outputs`` says which outputs move with which targets, a matrix (target, output); None for nothing known.
        With scaling it is that of sequences of size 1.
        """
        own: list[int] = [] if self.anchor is None else self.anchor.channels.tolist()
        coef, means = coef / self.x.std, self.x.mean.copy()
        means[own] = 0.0
        intercept = bias - coef.sum(axis=1) @ means
        if self.anchor is not None and self.sizes is not None:
            coef[:, :, own] *= self.anchor.slopes
        coef[:, -1, own] -= coef[:, :, own].sum(axis=1)  # what is measured from the last value
        if outputs is None:
            return coef, intercept
        moved = outputs.any(axis=0)
        target = outputs.argmax(axis=0)[moved]
        std = self.y.std[target]
        coef, intercept = coef[moved] * std[:, None, None], intercept[moved] * std + self.y.mean[target]
        if self.anchor is not None:
            coef[np.arange(len(target)), -1, self.anchor.channel[target]] += self.anchor.slope[target]
            intercept += self.anchor.offset[target]
        return coef, intercept

    def farthest(self, sequences: Sequences) -> tuple[float, int, float]:
        """How many spreads of ``fit`` the farthest value lies from the mean, its channel, and the value."""
        values, scale = sequences.base, _of_rows(self)
        with np.errstate(over="ignore"):
            distance = np.abs(values / scale.std - scale.mean / scale.std)
        row, channel = np.unravel_index(np.argmax(np.nan_to_num(distance)), distance.shape)
        return float(np.nan_to_num(distance[row, channel])), int(channel), float(values[row, channel])


def _of_rows(units: Units) -> Scale:
    """The units of rows of the base; with scaling not around a mean, beside which small series had few digits."""
    if units.anchor is None or units.sizes is None:
        return units.x
    mean, std = units.x.mean.copy(), units.x.std.copy()
    mean[units.anchor.channels], std[units.anchor.channels] = 0.0, units.sizes
    return Scale(mean, std)
