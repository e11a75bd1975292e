"""
One sequence at a time
======================

Batches of a single sequence, 50 epochs, a GRU of 50 units: a tutorial needs about 100 seconds to fit a sine with a mean
squared error of 2.17e-7, and with a second layer and dropout about 200 seconds for 2.28e-5. Both are within reach in a
fraction of that.
"""

# %%
# The data
# --------
# 1,000 points of a sine over 0 to 100, brought to the range 0 to 1, windows of 10 points, 80 % for training. Errors are
# those of the scaled values, as published. With ``set_output`` the scaler hands the index on, so that the first test
# rows find their history.

import os
import sys
import time
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skrnn import GRURegressor, SlidingWindowTransformer

X = pd.DataFrame({"sine": np.sin(np.linspace(0, 100, 1000))}, dtype="float32")
y = (X["sine"] - X["sine"].min()) / (X["sine"].max() - X["sine"].min())
train, test = X.iloc[:800], X.iloc[800:]

# %%
# As published, and better
# ------------------------
# Adam with a step of 1e-3 and batches of one sequence. The better way keeps the networks and lets the step size fall
# along a cosine, over batches of 8; the second network trains without dropout: on a series without noise, dropout is
# the noise. Batches of one take long, and after some epochs their losses jump up and down without falling further, so
# they end here before the 50 published epochs. Such small batches leave nothing to divide among cores, so two fits run
# side by side.

plain = {"linear_skip": False, "anchor": None, "early_stopping": False}  # nothing but the network, as published
single = {"batch_size": 1, "max_iter": 20, "learning_rate_init": 1e-3, "learning_rate": "constant"}
better = {"batch_size": 8, "max_iter": 60, "learning_rate_init": 3e-3, "learning_rate": "cosine"}
settings = {
    "two layers, dropout, batches of one": {"num_layers": 2, "dropout": 0.2, **single, "max_iter": 10},
    "two layers, better": {"num_layers": 2, **better},
    "one layer, batches of one": single,
    "one layer, better": better,
}


def fit(setting):
    """A fitted pipeline and the seconds that it took."""
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the number of epochs is fixed
    model = make_pipeline(
        MinMaxScaler(),
        SlidingWindowTransformer(10, horizon=1, incomplete="ignore"),
        GRURegressor(hidden_size=50, tol=0.0, n_iter_no_change=100, random_state=0, **plain, **setting),
    ).set_output(transform="pandas")
    started = time.perf_counter()
    model.fit(train, y.iloc[:800])
    return model, time.perf_counter() - started


fitted = joblib.Parallel(n_jobs=2)(joblib.delayed(fit)(setting) for setting in settings.values())
models, rows = {}, {}
for name, (model, seconds) in zip(settings, fitted, strict=True):
    models[name] = model
    published = ["2.28e-05", "200"] if "two" in name else ["2.17e-07", "100"]
    error = mean_squared_error(y.iloc[800:], models[name].predict(test))
    rows[name] = [f"{error:.2e}", f"{seconds:.1f}", *published]
rows["persistence"] = [f"{mean_squared_error(y.iloc[800:], y.shift(1).iloc[800:]):.2e}", "-", "-", "-"]
columns = ["test MSE", "seconds", "published MSE", "published seconds"]
print(pd.DataFrame.from_dict(rows, orient="index", columns=columns).to_string())

# %%
# The figure
# ----------
# Left the error on the last 200 points. Right how training went: with batches of one sequence and steps of one size the
# loss jumps, since each sequence pulls the weights its own way; along the cosine the jumps die out.

colors = dict(zip(settings, ("#CC79A7", "#D55E00", "#56B4E9", "#0072B2"), strict=True))  # for colour-blind readers, too
errors = {name: mean_squared_error(y.iloc[800:], model.predict(test)) for name, model in models.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for place, name in enumerate(settings):
    left.plot(errors[name], place, "o", markersize=9, color=colors[name])
    right.semilogy(np.arange(1, models[name][-1].n_iter_ + 1), models[name][-1].loss_curve_, color=colors[name])
for place, published in zip(range(4), (2.28e-5, 2.28e-5, 2.17e-7, 2.17e-7), strict=True):
    left.plot(
        published, place, "|", markersize=22, markeredgewidth=2, color="0.4", label="published" if not place else None
    )
left.set_yticks(range(4), list(settings))
for text, color in zip(left.get_yticklabels(), colors.values(), strict=True):
    text.set_color(color)
left.set(xscale="log", xlabel="mean squared error, series scaled to 0 to 1", title="Test points", ylim=(-0.6, 3.6))
left.invert_yaxis()
right.set(xlabel="epoch", ylabel="squared error, 1 = mean of y", title="Training")
fig.suptitle("Steps that fall along a cosine get below the published errors")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower left", frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "single_sequences.png", dpi=120)
