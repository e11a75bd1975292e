"""Figures of fitted models, of forecasts and of their errors, in the habit of scikit-learn's displays."""

from skrnn._displays.backtests import BacktestDisplay
from skrnn._displays.forecasts import ForecastDisplay
from skrnn._displays.lag_importance import LagImportanceDisplay
from skrnn._displays.loss_curve import LossCurveDisplay
from skrnn._displays.residuals import ResidualDisplay
from skrnn._displays.windows import WindowDisplay

__all__ = [
    "BacktestDisplay",
    "ForecastDisplay",
    "LagImportanceDisplay",
    "LossCurveDisplay",
    "ResidualDisplay",
    "WindowDisplay",
]
