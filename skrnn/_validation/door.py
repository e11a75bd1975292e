"""The one door to scikit-learn's private helpers, and constraints of our own."""

from __future__ import annotations

import re
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, StrOptions, validate_params
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _check_y as check_y

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """There are no callbacks to be set."""


__all__ = [
    "CallbackSupportMixin",
    "Count",
    "DeviceName",
    "Functions",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Real",
    "StrOptions",
    "check_feature_names_in",
    "check_matplotlib_support",
    "check_sample_weight",
    "check_y",
    "fit_context",
    "validate_params",
    "visual_block",
]


class Count(Interval):
    """Whole numbers from ``low`` on; True and False are none."""

    def __init__(self, low: int) -> None:
        super().__init__(Integral, low, None, closed="left")

    def is_satisfied_by(self, value: Any) -> bool:
        return not isinstance(value, bool | np.bool_) and bool(super().is_satisfied_by(value))


class DeviceName(StrOptions):
    """Names of devices: "auto", "cpu", "cuda" or "cuda:<n>"."""

    def __init__(self) -> None:
        super().__init__({"auto", "cpu", "cuda", "cuda:<n>"})

    def is_satisfied_by(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(r"auto|cpu|cuda(:\d+)?", value) is not None


class Functions(HasMethods):
    """A function that watches a fit, or several; a class is none, though it can be called."""

    def __init__(self) -> None:
        super().__init__(["__call__"])

    def is_satisfied_by(self, value: Any) -> bool:
        several = value if isinstance(value, list | tuple) and not callable(value) else [value]
        return all(callable(one) and not isinstance(one, type) for one in several)

    def __str__(self) -> str:
        return (
            "a function f(epoch, losses, estimator), or a list or tuple of them (scikit-learn's own callbacks go to "
            "set_callbacks)"
        )


def visual_block(estimator: Any, caption: str) -> Any:
    """One estimator in scikit-learn's HTML view, with a line below its name."""
    try:
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:  # scikit-learn < 1.7
        from sklearn.utils._estimator_html_repr import _VisualBlock
    name = type(estimator).__name__
    return _VisualBlock("single", estimator, names=name, name_details=str(estimator), name_caption=caption)
