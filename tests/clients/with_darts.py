"""Darts: its regression model makes the lags, the oldest first."""

import ar3
from darts import TimeSeries
from darts.models import SKLearnModel

from skrnn import GRURegressor

y = TimeSeries.from_series(ar3.series())
forecaster = SKLearnModel(lags=ar3.WINDOW, model=GRURegressor(random_state=0))
forecaster.fit(y[: -ar3.N_TEST])
forecasts = forecaster.historical_forecasts(y, start=len(y) - ar3.N_TEST, start_format="position", retrain=False)
print(f"RMSE {ar3.check(forecasts.values()):.3f}")
