"""The flat output: its container and the names of its columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrnn._data.lag_names import lag_names
from skrnn._learning import as_it_is_now
from skrnn._validation import available_with, check_feature_names_in
from skrnn._windows.memory import WindowMemory


class FlatOutput:
    """Mixin of a transformer whose output is a table if ``flatten``, else an array of three dimensions."""

    flatten: bool
    _memory: WindowMemory

    def set_output(self, *, transform: str | None = None) -> Self:
        """Set the container of a flat output; windows of three dimensions stay arrays.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Container of ``transform`` and ``fit_transform``, used if ``flatten=True``. None leaves it as it is.

        Returns
        -------
        self : SlidingWindowTransformer
            The transformer.
        """
        if transform is not None:  # kept for a later set_params(flatten=True)
            self._sklearn_output_config = {**getattr(self, "_sklearn_output_config", {}), "transform": transform}
        return self

    @available_with(
        "flatten=True in fit", lambda self: self._memory.flatten if hasattr(self, "_memory") else self.flatten
    )
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns of a flat output: ``load@t-2`` is the channel "load" two steps before its row.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input's columns; those seen during fit, else ``x0, x1, ...``, if None.

        Returns
        -------
        names : ndarray of str objects
            One name for each column.
        """
        now = as_it_is_now(self)
        check_is_fitted(now)
        memory = now._memory
        names = np.delete(check_feature_names_in(now, input_features), now._key_columns).tolist()
        return lag_names(memory.names(names), memory.window_size, memory.horizon, memory.known)

    @property
    def _key_columns(self) -> list[int]:
        """Positions of the columns of X that are no channels: those of ``time_column`` and ``group_column``."""
        return self._memory.columns.key_columns
