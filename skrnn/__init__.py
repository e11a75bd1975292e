"""Recurrent networks as scikit-learn estimators, and the windows that feed them."""

from skrnn._gru import GRURegressor
from skrnn._history import IncompleteWindowWarning
from skrnn._lstm import LSTMRegressor
from skrnn._rnn import RNNRegressor
from skrnn._sequences import complete_windows
from skrnn._windows import SlidingWindowTransformer

__version__ = "0.1.0"
__all__ = [
    "GRURegressor",
    "IncompleteWindowWarning",
    "LSTMRegressor",
    "RNNRegressor",
    "SlidingWindowTransformer",
    "complete_windows",
]
