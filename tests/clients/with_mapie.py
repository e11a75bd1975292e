"""MAPIE: conformal bands around a pipeline; it tries the network with a table, so that the windows are flat."""

import ar3
import numpy as np
from mapie.regression import SplitConformalRegressor
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

df = ar3.series().to_frame()
y = df["load"]
model = make_pipeline(SlidingWindowTransformer(ar3.WINDOW, horizon=1, flatten=True), GRURegressor(random_state=0))
bands = SplitConformalRegressor(model, confidence_level=0.9, prefit=False).fit(df[:400], y[:400])
bands.conformalize(df[400:600], y[400:600])
_, intervals = bands.predict_interval(df[600:])  # (row, lower and upper, level)
covered = np.mean((intervals[:, 0, 0] <= y[600:]) & (y[600:] <= intervals[:, 1, 0]))
assert abs(covered - 0.9) < 0.05
print(f"{covered:.1%} of the values in bands of 90 %")
