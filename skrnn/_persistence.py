"""What a saved estimator holds beside its attributes: a format number, and the versions that wrote it."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

_FORMAT = 2
_PACKAGES = ("skrnn", "scikit-learn", "torch", "numpy")


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class VersionedState:
    """Mixin that writes a format number and package versions beside the attributes, and compares them on loading."""

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, "_skrnn_format": _FORMAT, "_skrnn_versions": _versions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written, wrote = state.pop("_skrnn_format", _FORMAT), state.pop("_skrnn_versions", None)
        name = type(self).__name__
        if written > _FORMAT:
            by = (wrote or {}).get("skrnn", "a later version")
            raise ValueError(
                f"This {name} was saved by skrnn {by} (format {written}); this is skrnn {_versions().get('skrnn')} "
                f"(format {_FORMAT}). Upgrade skrnn to load it."
            )
        here = _versions()
        if wrote is not None and wrote != here:
            differing = [package for package in _PACKAGES if wrote.get(package) != here.get(package)]
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name,
                    current_sklearn_version=", ".join(f"{package} {here.get(package)}" for package in differing),
                    original_sklearn_version=", ".join(f"{package} {wrote.get(package)}" for package in differing),
                ),
                stacklevel=2,
            )
        parameters = signature(type(self)).parameters.values()
        later = {
            each.name: each.default for each in parameters if each.name not in state
        }  # than the version that saved
        super().__setstate__({**later, **state})  # type: ignore[misc]
