"""River: a stream in batches, each predicted before ``partial_fit`` learns it."""

import ar3
import numpy as np
import pandas as pd
from river import compat

from skrnn import GRURegressor

y = ar3.series()
windows = np.lib.stride_tricks.sliding_window_view(y, ar3.WINDOW)[:-1]  # each row is read as a sequence
X, y = pd.DataFrame(windows), y[ar3.WINDOW :].reset_index(drop=True)
model = compat.convert_sklearn_to_river(GRURegressor(random_state=0))
forecasts = []
for first in range(0, len(X), 50):
    rows = slice(first, first + 50)
    forecasts.extend(model.predict_many(X[rows]) if first else np.zeros(50))
    model.learn_many(X[rows], y[rows])
error = ar3.rmse(forecasts[-ar3.N_TEST :])
assert error < 1.1 * ar3.reference()  # which has seen each row many times
print(f"RMSE {error:.3f}")
