"""Progress of a fit, shown if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skrnn._training.course import TrainingLog


@contextmanager
def progress(label: str, n_epochs: int) -> Iterator[Bar]:
    """A bar on standard error that counts epochs."""
    from tqdm import tqdm

    with tqdm(total=n_epochs, desc=label, unit="epoch") as bar:
        yield Bar(bar)


class Bar:
    """Shows the losses of each epoch; see ``Watcher``."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def begin_epoch(self) -> None:
        """Nothing is shown."""

    def end_epoch(self, log: TrainingLog, _: Any) -> bool:
        self._bar.set_postfix({name: f"{loss:.4g}" for name, loss in last_losses(log).items()}, refresh=False)
        self._bar.update()
        return False


def last_losses(log: TrainingLog) -> dict[str, float]:
    """Losses of the last epoch by name; without held-out samples, that of training alone."""
    losses = {"loss": log.loss_curve[-1]}
    if log.validation_loss_curve:
        losses["validation_loss"] = log.validation_loss_curve[-1]
    return losses
