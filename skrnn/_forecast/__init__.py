"""Forecasts over many steps with fitted pipelines, targets for direct ones, and how good they are."""

from skrnn._forecast.backtest import backtest
from skrnn._forecast.calibrate import calibrate
from skrnn._forecast.forecast import forecast
from skrnn._forecast.panel_split import PanelTimeSeriesSplit
from skrnn._forecast.targets import horizon_targets

__all__ = ["PanelTimeSeriesSplit", "backtest", "calibrate", "forecast", "horizon_targets"]
