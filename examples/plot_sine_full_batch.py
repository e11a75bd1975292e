"""
Full batches or small ones
==========================

A GRU with two layers of 20 units learns to continue a sine, in the set-up of a tutorial: every epoch is one step over
all training windows. The same number of windows in small batches, with a step size that falls, gets much further.
"""

# %%
# The data
# --------
# 1,000 points of a sine over 0 to 100, windows of 50 points, the first 800 points for training.

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

from skrnn import GRURegressor, SlidingWindowTransformer, forecast

X = pd.DataFrame({"sine": np.sin(np.linspace(0, 100, 1000))}, dtype="float32")
train, test = X.iloc[:800], X.iloc[800:]

# %%
# As published, and better
# ------------------------
# Published are the two layers, Adam with a step of 1e-3, full batches and 200 epochs, and a figure, but no error. The
# better way: one layer is enough, batches of 50 make 16 steps of an epoch, and the step size falls along a cosine, in
# half as many epochs.

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the number of epochs is fixed
plain = {"linear_skip": False, "anchor": None, "early_stopping": False}  # nothing but the network, as published
settings = {
    "as published": {
        "num_layers": 2,
        "batch_size": 800,
        "learning_rate_init": 1e-3,
        "learning_rate": "constant",
        "max_iter": 200,
    },
    "small batches, cosine": {"batch_size": 50, "learning_rate_init": 1e-2, "learning_rate": "cosine", "max_iter": 100},
}
models, rows = {}, {}
for name, setting in settings.items():
    started = time.perf_counter()
    models[name] = make_pipeline(
        SlidingWindowTransformer(50, horizon=1, incomplete="ignore"),
        GRURegressor(hidden_size=20, tol=0.0, n_iter_no_change=200, random_state=0, **plain, **setting),
    ).fit(train, train["sine"])
    seconds = time.perf_counter() - started
    free = forecast(models[name], train, len(test))["sine"]
    rows[name] = [
        mean_squared_error(test, models[name].predict(test)),
        np.sqrt(mean_squared_error(test, free)),
        round(seconds, 1),
    ]
rows["persistence"] = [
    mean_squared_error(test, X.shift(1).iloc[800:]),
    np.sqrt(mean_squared_error(test, np.full(len(test), train["sine"].iloc[-1]))),
    np.nan,
]
columns = ["test MSE, one step", "RMSE of 200 steps", "seconds"]
table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
print(table.to_string(float_format=lambda value: f"{value:.3g}", na_rep="-"))
print("published: no error")

# %%
# The figure
# ----------
# One step ahead both curves lie on the sine. Left to themselves, with forecasts that are read as values, the small
# errors of the first model grow.

colors = dict(zip(settings, ("#0072B2", "#D55E00"), strict=True))  # told apart by colour-blind readers
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[2, 1], layout="constrained")
left.plot(test, color="0.6", linewidth=4, label="sine")
for (name, model), style in zip(models.items(), ("-", (0, (4, 1.5))), strict=True):
    left.plot(forecast(model, train, len(test)), color=colors[name], linestyle=style, label=name)
    right.semilogy(np.arange(1, model[-1].n_iter_ + 1), model[-1].loss_curve_, color=colors[name], linestyle=style)
left.set(xlabel="point", ylabel="value of the sine", title="200 steps from the last training point on")
right.set(xlabel="epoch", ylabel="squared error, 1 = mean of y", title="Training")
fig.suptitle("Many small steps stay on the sine, one large step an epoch does not")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "sine_full_batch.png", dpi=120)
