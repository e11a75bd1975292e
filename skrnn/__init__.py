"""Recurrent networks as scikit-learn estimators, and the windows that feed them."""

from skrnn._forecast import backtest, forecast, horizon_targets
from skrnn._gru import GRUClassifier, GRURegressor
from skrnn._history import IncompleteWindowWarning
from skrnn._lstm import LSTMClassifier, LSTMRegressor
from skrnn._padding import complete_windows, pad_sequences
from skrnn._rnn import RNNClassifier, RNNRegressor
from skrnn._windows import SlidingWindowTransformer

__version__ = "0.1.0"
__all__ = [
    "GRUClassifier",
    "GRURegressor",
    "IncompleteWindowWarning",
    "LSTMClassifier",
    "LSTMRegressor",
    "RNNClassifier",
    "RNNRegressor",
    "SlidingWindowTransformer",
    "backtest",
    "complete_windows",
    "forecast",
    "horizon_targets",
    "pad_sequences",
]
