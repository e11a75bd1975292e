"""Fits that change an estimator at once, and readings of an estimator as it is at one moment.

So threads can share one: a reading never sees half of a fit, and what fails or is interrupted changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

_Estimator = TypeVar("_Estimator")
_Method = TypeVar("_Method", bound=Callable[..., Any])

_under_way: dict[int, Any] = {}  # estimators that are being fitted, by their id, and the copies that learn

if hasattr(os, "register_at_fork"):  # the threads that fit are not in the child
    os.register_at_fork(after_in_child=_under_way.clear)


def as_it_is_now(estimator: _Estimator) -> _Estimator:
    """A copy to read from, which a fit in another thread does not change."""
    copy = object.__new__(type(estimator))
    vars(copy).update(vars(estimator))
    return copy


def learns(method: _Method) -> _Method:
    """Make a method that fits work on a copy, and hand all attributes that it changed over in one assignment, last.

    The method may return its ``self``, for which the estimator comes back. A second fit meanwhile raises RuntimeError.
    """

    @wraps(method)
    def fit(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        copy = as_it_is_now(estimator)
        # Twice, since an interrupt may come within the first.
        try:
            try:
                if _under_way.setdefault(id(estimator), copy) is not copy:
                    name = type(estimator).__name__
                    raise RuntimeError(
                        f"This {name} is being fitted already. Wait until that fit ends, or fit a clone of the {name}."
                    )
                before = dict(vars(copy))
                result = method(copy, *args, **kwargs)
                _hand_over(estimator, before, vars(copy))
            finally:
                _end(estimator, copy)
        finally:
            _end(estimator, copy)
        return estimator if result is copy else result

    return cast(_Method, fit)


def _hand_over(estimator: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Set and delete what differs between two states; what others set meanwhile stays."""
    changed = {name: value for name, value in after.items() if name not in before or value is not before[name]}
    kept = {name: value for name, value in dict(vars(estimator)).items() if name in after or name not in before}
    estimator.__dict__ = kept | changed  # one assignment: other threads see all of it or nothing


def _end(estimator: Any, copy: Any) -> None:
    if _under_way.get(id(estimator)) is copy:
        _under_way.pop(id(estimator), None)
