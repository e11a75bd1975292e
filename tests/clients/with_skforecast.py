"""skforecast: its forecaster makes the lags, the newest first, which a step in front of the network turns round."""

import ar3
import numpy as np
from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster
from skforecast.recursive import ForecasterRecursive
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import GRURegressor

y = ar3.series()
network = make_pipeline(FunctionTransformer(np.fliplr), GRURegressor(random_state=0))
forecaster = ForecasterRecursive(network, lags=ar3.WINDOW)
one_by_one = TimeSeriesFold(steps=1, initial_train_size=len(y) - ar3.N_TEST, refit=False)
_, forecasts = backtesting_forecaster(forecaster, y, cv=one_by_one, metric="mean_squared_error", show_progress=False)
print(f"RMSE {ar3.check(forecasts['pred']):.3f}")
