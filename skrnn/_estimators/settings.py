"""The parameters of an estimator, and what they ask for as values for the rooms below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from skrnn._validation import plain, plain_parameters

if TYPE_CHECKING:
    from skrnn._data.spec import NetworkSpec
    from skrnn._estimators.start import Start
    from skrnn._model.loss_contract import Loss
    from skrnn._training.loop import Plan


def keep(estimator: Any, given: dict[str, Any]) -> None:
    """Set the parameters of an ``__init__`` as they are: ``given`` are its ``locals()``."""
    vars(estimator).update({name: value for name, value in given.items() if name not in ("self", "__class__")})


def start_of(estimator: Any, loss: Loss, n_targets: int, shaping: tuple[str, ...]) -> Start:
    """What a new model is made of; ``shaping`` are the parameters that must stay for its training to go on."""
    from skrnn._estimators.start import Start

    return Start(
        spec=_spec(estimator, loss.width(n_targets)),
        loss=loss,
        asked={"loss": loss, **plain_parameters(estimator, *shaping)},
        linear=plain(estimator.linear_skip),
        seed=int(check_random_state(estimator.random_state).randint(np.iinfo(np.int32).max)),
        **plain_parameters(estimator, "dtype", "device"),
    )


def plan_of(estimator: Any, n_samples: int, max_iter: int) -> Plan:
    """How to train."""
    from skrnn._training.loop import Plan

    batch_size = plain(estimator.batch_size)
    return Plan(
        **plain_parameters(
            estimator, "solver", "learning_rate", "learning_rate_init", "momentum", "weight_decay", "clip_norm"
        ),
        **plain_parameters(estimator, "tol", "n_iter_no_change", "shuffle"),
        batch_size=min(_suited_batch(n_samples) if batch_size == "auto" else batch_size, n_samples),
        max_iter=max_iter,
    )


def _suited_batch(n_samples: int) -> int:
    """About 60 batches an epoch, of a size that is fast."""
    return max(64, min(n_samples // 60, 200))


def _spec(estimator: Any, width: int) -> NetworkSpec:
    from skrnn._data.spec import NetworkSpec

    segment_size = plain(estimator.segment_size)
    if segment_size == "auto":
        segment_size = 1  # until the samples are known
    elif estimator.return_sequences and segment_size > 1:
        raise ValueError(
            f"segment_size={segment_size} reads several steps at a time, but return_sequences=True asks for an answer "
            "at each step. Set segment_size=1."
        )
    return NetworkSpec(
        **plain_parameters(estimator, "hidden_size", "num_layers", "bidirectional", "dropout", "norm"),
        **plain_parameters(estimator, "return_sequences"),
        segment_size=segment_size,
        pooling="last" if estimator.return_sequences else plain(estimator.pooling),
        layer=estimator._layer,
        input_size=0,  # follows from the units
        width=width,
        options=tuple(plain_parameters(estimator, *estimator._layer_options).items()),
    )
