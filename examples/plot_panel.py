"""
Many series, one model
======================

Six shops share one model. The index holds the shop and the day, so each window stays within its shop, while the
network learns from all of them.
"""

# %%
# The panel
# ---------
# Daily sales of six shops over a year and a half, made up by a seeded generator. Each shop has a level of its own;
# promotions and the course of the week are felt in all of them. The index is a MultiIndex whose last level is the time.

import os
import sys
import warnings
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer, complete_windows

rng = np.random.default_rng(0)
days = pd.date_range("2023-01-01", periods=546, name="day")
week = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.5, 0.6])[days.day_of_week]


def sales_of(level):
    drift = pd.Series(rng.normal(0, 1, len(days))).ewm(halflife=10).mean().to_numpy()
    promotion = rng.random(len(days)) < 0.08
    sales = level * week * np.exp(0.6 * drift) * (1 + 0.4 * promotion) * rng.normal(1, 0.05, len(days))
    return pd.DataFrame({"sales": sales, "promotion": promotion.astype(float)}, index=days)


shops = {name: sales_of(level) for name, level in zip("ABCDEF", [60, 80, 100, 120, 150, 200], strict=True)}

# %%
# One pipeline
# ------------
# The rows are sorted by day, so that all shops of a day stand together: a chronological split then cuts all series at
# the same time. ``TimeSeriesSplit`` needs fold sizes that are multiples of the number of shops. Promotions are planned,
# so they are known in advance.

X = pd.concat(shops, names=["shop"]).sort_index(level="day", sort_remaining=True)
y = X["sales"]
model = make_pipeline(
    SlidingWindowTransformer(14, horizon=1, future_columns=["promotion"]),
    GRURegressor(16, learning_rate_init=0.01, max_iter=80, random_state=0),
)
n_test = len(shops) * 109
X_train, X_test = X.iloc[:-n_test], X.iloc[-n_test:]
y_train, y_test = y.iloc[:-n_test], y.iloc[-n_test:]
cv = TimeSeriesSplit(2, test_size=len(shops) * 60)
cv_scores = -cross_val_score(model, X_train, y_train, cv=cv, scoring="neg_root_mean_squared_error")
print("RMSE in cross-validation:", cv_scores.round(1))

# %%
# The scores
# ----------
# Persistence repeats the value of the day before, the other rival that of a week before. Both shift within the shop.

model.fit(X_train, y_train)
by_shop = y.groupby(level="shop")
answers = y_test.to_frame("observed").assign(
    **{"GRU": model.predict(X_test), "persistence": by_shop.shift(1), "week before": by_shop.shift(7)}
)
scores = {
    shop: {name: root_mean_squared_error(part["observed"], part[name]) for name in answers.columns[1:]}
    for shop, part in answers.groupby(level="shop")
}
print(pd.DataFrame(scores).T.rename_axis("RMSE").round(1))

# %%
# Windows do not cross series
# ---------------------------
# The first 14 days of each shop miss steps; they are not filled from the shop before. And other sales in shop A change
# nothing in shop B.

windows = model[0].fit_transform(X_train)
incomplete = pd.Series(~complete_windows(windows), index=X_train.index)
print("incomplete windows:", incomplete.groupby(level="shop").sum().to_dict())

no_sales_in_a = X_test.copy()
no_sales_in_a.loc["A", "sales"] = 0.0
changed = answers["GRU"] != model.predict(no_sales_in_a)
print("changed forecasts:", changed.groupby(level="shop").sum().to_dict())

# %%
# A new shop
# ----------
# A shop that the model has never seen is forecast from its own rows alone. The first of them have little or no past,
# and a warning says so.

new_shop = pd.concat({"G": shops["B"].iloc[-30:] * [1.5, 1.0]}, names=["shop"])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    new_forecast = model.predict(new_shop)
print(caught[0].category.__name__, "-", caught[0].message)
for part, rows in {"first 14 days": slice(14), "later days": slice(14, None)}.items():
    error = root_mean_squared_error(new_shop["sales"].iloc[rows], new_forecast[rows])
    print(f"RMSE of the new shop, {part}: {error:.1f}")

# %%
# The forecasts
# -------------
# The last seven weeks of three shops, each day forecast from the days before it.

fig, axes = plt.subplots(3, 1, figsize=(10, 6), sharex=True, layout="constrained")
for axis, shop in zip(axes, "ACF", strict=True):
    part = answers.xs(shop, level="shop").iloc[-49:]
    axis.plot(part["observed"], color="0.6", linewidth=4, label="observed")
    axis.plot(part["GRU"], color="#D55E00", marker=".", label="GRU, one day ahead")
    axis.set_title(f"shop {shop}", loc="left")
    axis.set(ylabel="sales per day", ylim=(0, None))
fig.suptitle("One model forecasts shops of different size")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
axes[-1].set_xlabel("day")
axes[-1].xaxis.set_major_locator(mdates.WeekdayLocator(mdates.MO))
axes[-1].xaxis.set_major_formatter(mdates.DateFormatter("%a %d %b"))

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "panel.png", dpi=120)
