"""Progress of a fit, shown if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(label: str, n_epochs: int, verbose: bool) -> Iterator[Callable[[float, float | None], None] | None]:
    """A bar on standard error that counts epochs; gives the function to call after each, or None if silent."""
    if not verbose:
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=n_epochs, desc=label, unit="epoch") as bar:

        def report(loss: float, validation_loss: float | None) -> None:
            shown = {"loss": f"{loss:.4g}"}
            if validation_loss is not None:
                shown["validation_loss"] = f"{validation_loss:.4g}"
            bar.set_postfix(shown, refresh=False)
            bar.update()

        yield report
