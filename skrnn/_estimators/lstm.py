"""The LSTM estimators."""

from __future__ import annotations

from skrnn._estimators.classifier import RecurrentClassifier
from skrnn._estimators.docstrings import documented
from skrnn._estimators.regressor import RecurrentRegressor


@documented
class LSTMRegressor(RecurrentRegressor):
    """Regression on sequences with long short-term memory.

    For each step with input x, state h and cell c, the layer computes

    | i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)
    | f = sigmoid(W_if x + b_if + W_hf h + b_hf)
    | g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    | o = sigmoid(W_io x + b_io + W_ho h + b_ho)
    | c <- f * c + i * g
    | h <- o * tanh(c)

    and the output is a linear map of the state after the last step and, see ``linear_skip``, of all steps.

    {parameters}

    {attributes}

    See Also
    --------
    SlidingWindowTransformer : Makes the sequences in a pipeline.
    LSTMClassifier : The same network for classes.
    GRURegressor : The same with gated recurrent units.
    RNNRegressor : The same with a simple recurrent layer.

    {notes}

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8). The form with a forget
    gate is that of ``torch.nn.LSTM``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import LSTMRegressor, SlidingWindowTransformer
    >>> series = pd.DataFrame({"load": [1.0, 2.0] * 20})
    >>> model = make_pipeline(SlidingWindowTransformer(3, horizon=1), LSTMRegressor(random_state=0))
    >>> model.fit(series, series["load"]).predict(series.tail(2)).round()
    array([1., 2.])
    """

    _layer = "torch.nn.LSTM"


@documented
class LSTMClassifier(RecurrentClassifier):
    """Classification of sequences, or of each of their steps, with long short-term memory.

    The layers are those of :class:`LSTMRegressor`; the output is a linear map of a summary of their states, see
    ``pooling``, and of all steps, see ``linear_skip``, read by a logistic function for two classes and by a softmax for
    more.

    {parameters}

    {attributes}

    See Also
    --------
    pad_sequences : Puts sequences of different lengths into one array.
    LSTMRegressor : The same network for numbers.
    GRUClassifier : The same with gated recurrent units.
    RNNClassifier : The same with a simple recurrent layer.

    {notes}

    Examples
    --------
    >>> from skrnn import LSTMClassifier, pad_sequences
    >>> rising, falling = [[1.0], [2.0], [3.0]], [[3.0], [1.0]]
    >>> X = pad_sequences([rising, falling] * 10)
    >>> model = LSTMClassifier(random_state=0).fit(X, ["up", "down"] * 10)
    >>> model.predict(X[:2])
    array(['up', 'down'], dtype='<U4')
    """

    _layer = "torch.nn.LSTM"
