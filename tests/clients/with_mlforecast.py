"""mlforecast: it makes the lags in the order in which they are named, the oldest first."""

import ar3
from mlforecast import MLForecast

from skrnn import GRURegressor

y = ar3.series()
df = y.rename("y").rename_axis("ds").reset_index().assign(unique_id="one")
lags = list(range(ar3.WINDOW, 0, -1))
forecaster = MLForecast({"GRU": GRURegressor(random_state=0)}, freq="h", lags=lags)
forecasts = forecaster.cross_validation(df, n_windows=ar3.N_TEST, h=1, step_size=1, refit=False)
print(f"RMSE {ar3.check(forecasts['GRU']):.3f}")
