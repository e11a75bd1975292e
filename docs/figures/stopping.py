"""How the loss of held-out samples chooses the number of epochs."""

import numpy as np

from skrnn import GRURegressor, LossCurveDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 8, 1))
y = X[:, -1, 0] + X[:, -1, 0] * X[:, -2, 0] + 0.5 * rng.normal(size=400)
network = GRURegressor(32, random_state=0).fit(X, y)
display = LossCurveDisplay.from_estimator(network)
title = f"The held-out loss is lowest after epoch {network.best_epoch_}; training on all samples takes as many"
display.ax_.set_title(title, loc="left", pad=24, fontsize="medium")
display.figure_.set_size_inches(8, 3.6)
