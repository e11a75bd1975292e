"""The task of all forecasting clients: a series with a memory of three steps, forecast one step ahead."""

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

WINDOW, N_TEST = 12, 200


def series() -> pd.Series:
    """800 values of an autoregression of order 3, whose noise has a standard deviation of 1."""
    noise = np.random.default_rng(0).normal(size=900)
    values = np.zeros(900)
    for i in range(3, 900):
        values[i] = 0.6 * values[i - 1] + 0.3 * values[i - 3] + noise[i]
    return pd.Series(values[100:], index=pd.date_range("2024-01-01", periods=800, freq="h"), name="load")


def rmse(forecasts) -> float:
    """Root mean squared error of forecasts of the last rows, each one step ahead."""
    return float(np.sqrt(np.mean(np.square(np.ravel(forecasts) - series().to_numpy()[-N_TEST:]))))


def reference() -> float:
    """The error of skrnn's own pipeline."""
    df = series().to_frame()
    model = make_pipeline(SlidingWindowTransformer(WINDOW, horizon=1), GRURegressor(random_state=0))
    return rmse(model.fit(df[:-N_TEST], df["load"][:-N_TEST]).predict(df[-N_TEST:]))


def check(forecasts) -> float:
    """The error of a client, which is that of skrnn's own pipeline within 5 %."""
    found, expected = rmse(forecasts), reference()
    assert abs(found / expected - 1) < 0.05, f"{found:.3f}, but {expected:.3f} without the client"
    return found
