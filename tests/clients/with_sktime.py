"""sktime: its reduction asks the network, which was fitted once, for each forecast one step ahead."""

import ar3
from sktime.forecasting.compose import make_reduction
from sktime.split import ExpandingWindowSplitter

from skrnn import GRURegressor

y = ar3.series()
forecaster = make_reduction(GRURegressor(random_state=0), window_length=ar3.WINDOW, strategy="recursive")
forecaster.fit(y[: -ar3.N_TEST], fh=[1])
one_by_one = ExpandingWindowSplitter(fh=[1], initial_window=1, step_length=1)
forecasts = forecaster.update_predict(y[-ar3.N_TEST - 1 :], cv=one_by_one, update_params=False)
print(f"RMSE {ar3.check(forecasts):.3f}")
