"""The RNN estimators."""

from __future__ import annotations

from typing import Any, ClassVar

from skrnn._estimators.classifier import RecurrentClassifier
from skrnn._estimators.docstrings import documented
from skrnn._estimators.regressor import RecurrentRegressor
from skrnn._estimators.settings import keep
from skrnn._validation import StrOptions


@documented
class RNNRegressor(RecurrentRegressor):
    """Regression on sequences with a simple recurrent network.

    For each step with input x and state h, the layer computes

    | h <- f(W_ih x + b_ih + W_hh h + b_hh)

    with f as ``nonlinearity`` says, and the output is a linear map of the state after the last step and, see
    ``linear_skip``, of all steps.

    {parameters}

    {attributes}

    See Also
    --------
    SlidingWindowTransformer : Makes the sequences in a pipeline.
    RNNClassifier : The same network for classes.
    GRURegressor : The same with gated recurrent units.
    LSTMRegressor : The same with long short-term memory.

    {notes}

    References
    ----------
    Elman, J. L. (1990). Finding structure in time. Cognitive Science 14(2).

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNRegressor, SlidingWindowTransformer
    >>> series = pd.DataFrame({"load": [1.0, 2.0] * 20})
    >>> model = make_pipeline(SlidingWindowTransformer(3, horizon=1), RNNRegressor(random_state=0))
    >>> model.fit(series, series["load"]).predict(series.tail(2)).round()
    array([1., 2.])
    """

    _layer = "torch.nn.RNN"
    _layer_options = ("nonlinearity",)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RecurrentRegressor._parameter_constraints,
        "nonlinearity": [StrOptions({"tanh", "relu"})],
    }

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        nonlinearity: str = "tanh",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        norm: str | None = None,
        pooling: str = "last",
        segment_size: int | str = "auto",
        linear_skip: bool | int = True,
        anchor: str | None = "auto",
        scaling: str | None = None,
        missing: str = "skip",
        return_sequences: bool = False,
        loss: Any = "squared_error",
        quantile: float | tuple[float, ...] = 0.5,
        delta: float = 1.0,
        solver: str = "adam",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.005,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 30,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        refit: bool = True,
        warm_start: bool = False,
        n_channels: int | str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())


@documented
class RNNClassifier(RecurrentClassifier):
    """Classification of sequences, or of each of their steps, with a simple recurrent layer.

    The layers are those of :class:`RNNRegressor`; the output is a linear map of a summary of their states, see
    ``pooling``, and of all steps, see ``linear_skip``, read by a logistic function for two classes and by a softmax for
    more.

    {parameters}

    {attributes}

    See Also
    --------
    pad_sequences : Puts sequences of different lengths into one array.
    RNNRegressor : The same network for numbers.
    GRUClassifier : The same with gated recurrent units.
    LSTMClassifier : The same with long short-term memory.

    {notes}

    Examples
    --------
    >>> from skrnn import RNNClassifier, pad_sequences
    >>> rising, falling = [[1.0], [2.0], [3.0]], [[3.0], [1.0]]
    >>> X = pad_sequences([rising, falling] * 10)
    >>> model = RNNClassifier(random_state=0).fit(X, ["up", "down"] * 10)
    >>> model.predict(X[:2])
    array(['up', 'down'], dtype='<U4')
    """

    _layer = "torch.nn.RNN"
    _layer_options = ("nonlinearity",)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RecurrentClassifier._parameter_constraints,
        "nonlinearity": [StrOptions({"tanh", "relu"})],
    }

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        nonlinearity: str = "tanh",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        norm: str | None = None,
        pooling: str = "max",
        segment_size: int | str = "auto",
        linear_skip: bool | int | str = "auto",
        missing: str = "skip",
        return_sequences: bool = False,
        loss: Any = "log_loss",
        class_weight: Any = None,
        solver: str = "adam",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.005,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        batch_size: int | str = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: int = 30,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        refit: bool = True,
        warm_start: bool = False,
        n_channels: int | str = "auto",
        device: str = "cpu",
        dtype: str = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())
