"""Recurrent networks as scikit-learn estimators, and the windows that feed them."""

from skrnn._displays import (
    BacktestDisplay,
    ForecastDisplay,
    LagImportanceDisplay,
    LossCurveDisplay,
    ResidualDisplay,
    WindowDisplay,
)
from skrnn._estimators.gru import GRUClassifier, GRURegressor
from skrnn._estimators.lstm import LSTMClassifier, LSTMRegressor
from skrnn._estimators.rnn import RNNClassifier, RNNRegressor
from skrnn._forecast import PanelTimeSeriesSplit, backtest, calibrate, forecast, horizon_targets
from skrnn._validation import IncompleteWindowWarning
from skrnn._windows.padding import complete_windows, pad_sequences
from skrnn._windows.transformer import SlidingWindowTransformer

__version__ = "0.1.0"
__all__ = [
    "BacktestDisplay",
    "ForecastDisplay",
    "GRUClassifier",
    "GRURegressor",
    "IncompleteWindowWarning",
    "LSTMClassifier",
    "LSTMRegressor",
    "LagImportanceDisplay",
    "LossCurveDisplay",
    "PanelTimeSeriesSplit",
    "RNNClassifier",
    "RNNRegressor",
    "ResidualDisplay",
    "SlidingWindowTransformer",
    "WindowDisplay",
    "backtest",
    "calibrate",
    "complete_windows",
    "forecast",
    "horizon_targets",
    "pad_sequences",
]
