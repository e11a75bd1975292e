"""
RNN, LSTM and GRU on one sine
=============================

Three layers, one task: 80 points of a sine are read, the next one is answered. A tutorial trains each for 500 epochs,
3 minutes and 33 seconds in all on six cores of a CPU, 30 seconds on a GPU. Here is the same set-up, and a shorter way.
"""

# %%
# The data
# --------
# 2,000 points of a sine with a period of 20, sampled at ``linspace(0, 1000)``. The first 1,536 of the 1,920 windows are
# for training: the points up to 1,616. Rows without a complete window are left out of the training, as published.

import os
import sys
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, LSTMRegressor, RNNRegressor, SlidingWindowTransformer, forecast

X = pd.DataFrame({"sine": np.sin(2 * np.pi * np.linspace(0, 1000, 2000) / 20)}, dtype="float32")
train, test = X.iloc[: 80 + 1536], X.iloc[80 + 1536 :]
windows = SlidingWindowTransformer(80, horizon=1, incomplete="ignore").fit(train)
sequences = windows.transform(train)[80:]

# %%
# As published, and shorter
# -------------------------
# Published: hidden size 20, Adam with a step of 1e-3, batches of 500 in the order of time, 500 epochs; three batches
# and a rest are four steps an epoch. Here the first 60 of these epochs are run, to save time. Shorter: batches of 50,
# a larger step that falls along a cosine, 30 epochs. The published curves carry no number, so that only the times can
# be compared.

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the number of epochs is fixed, as published
plain = {"linear_skip": False, "anchor": None, "early_stopping": False}  # nothing but the network, as published
published = {"batch_size": 500, "max_iter": 60, "shuffle": False}
published |= {"learning_rate_init": 1e-3, "learning_rate": "constant"}
shorter = {"batch_size": 50, "max_iter": 30, "learning_rate_init": 5e-3, "learning_rate": "cosine"}

models, rows = {}, {}
for face in (RNNRegressor, LSTMRegressor, GRURegressor):
    for way, setting in {"as published": published, "shorter": shorter}.items():
        started = time.perf_counter()
        network = face(hidden_size=20, tol=0.0, n_iter_no_change=500, random_state=0, **plain, **setting)
        network.fit(sequences, train["sine"].iloc[80:])
        seconds = time.perf_counter() - started
        model = make_pipeline(windows, network)
        free = forecast(model, train, 100)["sine"]
        name = face.__name__.removesuffix("Regressor")
        models[name, way] = model
        rows[name, way] = [
            mean_squared_error(test, model.predict(test)),
            np.sqrt(mean_squared_error(test.iloc[:100], free)),
            seconds,
        ]
rows["persistence", ""] = [
    mean_squared_error(test, X.shift(1).iloc[-len(test) :]),
    np.sqrt(mean_squared_error(test.iloc[:100], np.full(100, train["sine"].iloc[-1]))),
    np.nan,
]
table = pd.DataFrame(rows, index=["test MSE, one step", "RMSE of 100 steps", "seconds"]).T
print(table.to_string(float_format=lambda value: f"{value:.2g}", na_rep="-"))
seconds = table.xs("as published", level=1)["seconds"].sum()
print(f"60 epochs as published, all three: {seconds:.0f} s; published: 213 s for 500 epochs")

# %%
# The figure
# ----------
# Left the training losses, right 100 steps from the last training point on, each forecast being read as the next value.
# All forecasts would lie on the sine, so their errors are drawn.

colors = {"RNN": "#0072B2", "LSTM": "#009E73", "GRU": "#D55E00"}  # told apart by colour-blind readers
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
points = np.arange(1, 101)
for (name, way), model in models.items():
    style = {"color": colors[name], "linestyle": "-" if way == "as published" else (0, (4, 1.5))}
    left.semilogy(np.arange(1, model[-1].n_iter_ + 1), model[-1].loss_curve_, label=f"{name}, {way}", **style)
    error = np.abs(forecast(model, train, 100)["sine"] - test["sine"].iloc[:100])
    right.semilogy(points, error.rolling(10, min_periods=1).max(), **style)
left.set(xlabel="epoch", ylabel="squared error, 1 = mean of y", title="Training")
right.set(
    xlabel="steps ahead", ylabel="largest error of ten steps", title="A free run of 100 steps, the sine being 1 high"
)
fig.suptitle("Thirty epochs of small batches get further than sixty of large ones, with each cell")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "compare_cells.png", dpi=120)
