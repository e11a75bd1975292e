"""
An honest comparison
====================

Does a network forecast better than simple means? Compare it on rows that no model has seen with the last value, the
last season, and a linear regression on the same windows. A skill score puts the outcome in one number,
``1 - error / error of the last value``: 0 is as good as repeating the last value, 1 is perfect.
"""

# %%
# The series
# ----------
# Carbon dioxide in the air at Mauna Loa, Hawaii, week by week, ships with statsmodels, which states: "This is public
# domain." It rises from year to year, so that the test years lie at a level that no training year had. Some weeks are
# missing, and stay so: the networks skip them.

import os
import sys
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

X = sm.datasets.co2.load_pandas().data["1965":]
y = X["co2"]
train, test = slice(None, "1989"), slice("1990", None)
known = y[train].notna()
print(f"{known.sum()} weeks to train, {y[test].notna().sum()} to test")

# %%
# The models
# ----------
# All forecast a quarter of a year, 13 weeks, ahead from the same windows of two years. The network comes twice: with
# its defaults, and as a plain recurrent network, without linear start and anchor. Each has three seeds, as luck plays a
# part in training. ``best_epoch_`` is the epoch whose weights stay; 0 would be the linear start.

AHEAD = 13
window = SlidingWindowTransformer(104, horizon=AHEAD, incomplete="ignore")
networks = {"GRU": {}, "plain GRU": {"linear_skip": False, "anchor": None}}
forecasts = {}
for name, parameters in networks.items():
    for seed in range(3):
        model = make_pipeline(window, GRURegressor(segment_size=13, random_state=seed, **parameters))
        model.fit(X[train][known], y[train][known])
        forecasts[name, seed] = model.predict(X[test])
        network = model[-1]
        print(f"{name}, seed {seed}: {network.n_iter_} epochs, the weights of epoch {network.best_epoch_} stay")

flat = SlidingWindowTransformer(104, horizon=AHEAD, flatten=True, incomplete="ignore")
tables = {
    "ridge": make_pipeline(flat, SimpleImputer(), RidgeCV(np.logspace(-3, 3, 13))),
    "gradient boosting": make_pipeline(flat, HistGradientBoostingRegressor(max_iter=50, random_state=0)),
}
for name, model in tables.items():
    forecasts[name, 0] = model.fit(X[train][known], y[train][known]).predict(X[test])
forecasts["last value", 0] = y.ffill().shift(AHEAD)[test].to_numpy()
forecasts["last year", 0] = y.ffill().shift(52)[test].to_numpy()

# %%
# The scores
# ----------
# The last value is the zero of the skill. The plain network is far worse than that, and so is gradient boosting: they
# cannot answer a value that they have not seen. With its defaults, the network measures all from the last value of the
# window and starts from the best linear answer, which training makes better. It beats ridge regression on the same
# table, which is not measured from the last value.

errors = pd.DataFrame(forecasts, index=y[test].index).sub(y[test], axis=0)
rmse = np.sqrt((errors**2).mean())
skill = 1 - rmse / rmse["last value", 0]
scores = pd.DataFrame({"RMSE, ppm": rmse, "skill": skill}).groupby(level=0).agg(["median", "min", "max"])
print(scores.sort_values(("skill", "median"), ascending=False).round(3).to_string())

# %%
# The figure
# ----------
# Left the last years of the test, right the skills.

shown = slice("1997", "2000")
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 2))
left.plot(y[shown], color="0.6", linewidth=4, label="measured")
styles = {"GRU": ("#D55E00", "-"), "plain GRU": ("#0072B2", "-."), "last value": ("#009E73", (0, (4, 1.5)))}
for name, (color, style) in styles.items():
    answers = pd.Series(forecasts[name, 0], y[test].index)
    left.plot(answers[shown], color=color, linestyle=style, label=name)
left.set(xlabel="year", ylabel="CO₂ in the air, ppm", title="Forecasts, 13 weeks ahead")
left.xaxis.set_major_locator(mdates.YearLocator())
order = skill.groupby(level=0).median().sort_values()
bars = right.barh(order.index, order.clip(lower=-1), color=np.where(order > 0, "#D55E00", "#0072B2"))
labels = [f"{value:.2f}" + ", cut off" * (value < -1) for value in order]
right.bar_label(bars, labels, padding=3, fontsize="small")
right.axvline(0, color="black", linewidth=0.8)
right.set(xlim=(-2.6, 1.4), xlabel="skill over the last value", title="Skills")
fig.suptitle("Measured from its last value, the network keeps up with the rise; a plain network stays behind")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "honest_comparison.png", dpi=120)
