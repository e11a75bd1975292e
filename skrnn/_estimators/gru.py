"""The GRU estimators."""

from __future__ import annotations

from skrnn._estimators.classifier import RecurrentClassifier
from skrnn._estimators.docstrings import documented
from skrnn._estimators.regressor import RecurrentRegressor


@documented
class GRURegressor(RecurrentRegressor):
    """Regression on sequences with gated recurrent units.

    For each step with input x and state h, the layer computes

    | r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
    | z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
    | n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    | h <- (1 - z) * n + z * h

    and the output is a linear map of the state after the last step and, see ``linear_skip``, of all steps.

    {parameters}

    {attributes}

    See Also
    --------
    SlidingWindowTransformer : Makes the sequences in a pipeline.
    GRUClassifier : The same network for classes.
    LSTMRegressor : The same with long short-term memory.
    RNNRegressor : The same with a simple recurrent layer.

    {notes}

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. The form with the reset gate behind the product is that of ``torch.nn.GRU``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import GRURegressor, SlidingWindowTransformer
    >>> series = pd.DataFrame({"load": [1.0, 2.0] * 20})
    >>> model = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(random_state=0))
    >>> model.fit(series, series["load"]).predict(series.tail(2)).round()
    array([1., 2.])
    """

    _layer = "torch.nn.GRU"


@documented
class GRUClassifier(RecurrentClassifier):
    """Classification of sequences, or of each of their steps, with gated recurrent units.

    The layers are those of :class:`GRURegressor`; the output is a linear map of a summary of their states, see
    ``pooling``, and of all steps, see ``linear_skip``, read by a logistic function for two classes and by a softmax for
    more.

    {parameters}

    {attributes}

    See Also
    --------
    pad_sequences : Puts sequences of different lengths into one array.
    GRURegressor : The same network for numbers.
    LSTMClassifier : The same with long short-term memory.
    RNNClassifier : The same with a simple recurrent layer.

    {notes}

    Examples
    --------
    >>> from skrnn import GRUClassifier, pad_sequences
    >>> rising, falling = [[1.0], [2.0], [3.0]], [[3.0], [1.0]]
    >>> X = pad_sequences([rising, falling] * 10)
    >>> model = GRUClassifier(random_state=0).fit(X, ["up", "down"] * 10)
    >>> model.predict(X[:2])
    array(['up', 'down'], dtype='<U4')
    """

    _layer = "torch.nn.GRU"
