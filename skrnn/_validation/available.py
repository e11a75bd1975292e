"""Methods that an estimator has only with some values of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any


def available_with(needs: str, check: Callable[[Any], bool]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a method that is there only where ``check`` says so, as with scikit-learn's ``available_if``.

    The error of an estimator without it says what it ``needs``.
    """
    return lambda method: _Available(method, needs, check)


class _Available:
    """A method that may be absent."""

    def __init__(self, method: Callable[..., Any], needs: str, check: Callable[[Any], bool]) -> None:
        self._method, self._needs, self._check = method, needs, check

    def __get__(self, estimator: Any, owner: Any = None) -> Any:
        if estimator is None:
            return self._method
        if not self._check(estimator):
            kind, name = type(estimator).__name__, self._method.__name__
            raise AttributeError(f"This {kind!r} has no attribute {name!r}, which needs {self._needs}.")
        return MethodType(self._method, estimator)
