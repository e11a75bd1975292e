"""Warnings of the fits within a call: told once, with the fits that they are of."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Told:
    """A warning that was given."""

    category: type[Warning]
    text: str
    filename: str
    lineno: int

    @property
    def kind(self) -> tuple[type[Warning], str]:
        """What is equal of warnings that differ in numbers alone."""
        return self.category, re.sub(r"\d+", "0", self.text)


def listen(call: Callable[..., Any], *args: Any) -> tuple[Any, list[Told]]:
    """Call, and keep the warnings that are given meanwhile instead of showing them.

    Other threads than the main one of a process, which share its filters of warnings, show them as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(*args), []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)  # filters of the caller decide when they are told
            answer = call(*args)
    except Exception:
        for each in caught:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        raise
    return answer, [Told(each.category, str(each.message), each.filename, each.lineno) for each in caught]


def tell(told: Sequence[Sequence[Told]], rows: Sequence[str], caller: str, *, stacklevel: int) -> None:
    """Tell the warnings of some fits, of each kind the first, and say on which rows it was fitted.

    What is meant for developers, as that something is deprecated, is shown as it came.
    """
    of_kind: dict[tuple[type[Warning], str], list[tuple[Told, int]]] = {}
    for i, of_fit in enumerate(told):
        for each in {each.kind: each for each in reversed(of_fit)}.values():
            of_kind.setdefault(each.kind, []).append((each, i))
    for alike in of_kind.values():
        each, first = alike[0]
        if not issubclass(each.category, UserWarning):
            warnings.showwarning(each.text, each.category, each.filename, each.lineno)
            continue
        of = f"the model that {caller} fitted on {rows[first]}"
        if len(told) > 1:
            of = f"{len(alike)} of the {len(told)} models that {caller} fitted, first of that on {rows[first]}"
        text = each.text if each.text.endswith((".", "!", "?")) else f"{each.text}."
        warnings.warn(f"{text} This is of {of}.", each.category, stacklevel=stacklevel)
