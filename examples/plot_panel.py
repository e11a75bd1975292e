"""
Many series, one model
======================

Six shops, from a kiosk to a hall, share one model. The index holds the shop and the day, so each window stays within
its shop, while the network learns from all of them, each in units of its own size.
"""

# %%
# The panel
# ---------
# Daily sales of six shops over a year and a half, made up by a seeded generator. The largest shop sells 500 times as
# much as the smallest; promotions and the course of the week are felt in all of them. The index is a MultiIndex whose
# last level is the time.

import os
import sys
import warnings
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_percentage_error, root_mean_squared_error
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, PanelTimeSeriesSplit, SlidingWindowTransformer, complete_windows

rng = np.random.default_rng(0)
days = pd.date_range("2023-01-01", periods=546, name="day")
week = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.5, 0.6])[days.day_of_week]


def sales_of(level):
    drift = pd.Series(rng.normal(0, 1, len(days))).ewm(halflife=10).mean().to_numpy()
    promotion = rng.random(len(days)) < 0.08
    sales = level * week * np.exp(0.6 * drift) * (1 + 0.4 * promotion) * rng.normal(1, 0.05, len(days))
    return pd.DataFrame({"sales": sales, "promotion": promotion.astype(float)}, index=days)


shops = {name: sales_of(level) for name, level in zip("ABCDEF", [8, 30, 100, 350, 1200, 4000], strict=True)}

# %%
# One pipeline
# ------------
# ``scaling="mean"`` measures each window, and its target, in units of the mean of the window. Without it, the squared
# errors of the largest shop would be nearly all that counts. Promotions are planned, so they are known in advance.
# ``PanelTimeSeriesSplit`` cuts all shops at the same days.

X = pd.concat(shops, names=["shop"])
y = X["sales"]


def network(scaling):
    return make_pipeline(
        SlidingWindowTransformer(14, horizon=1, future_columns=["promotion"]),
        GRURegressor(16, scaling=scaling, learning_rate_init=0.01, max_iter=60, random_state=0),
    )


is_train = X.index.get_level_values("day") < days[-109]
X_train, X_test, y_train, y_test = X[is_train], X[~is_train], y[is_train], y[~is_train]
model = network("mean")
cv = PanelTimeSeriesSplit(2, test_size=60)
cv_scores = -cross_val_score(model, X_train, y_train, cv=cv, scoring="neg_mean_absolute_percentage_error")
print("mean absolute error in cross-validation:", [f"{score:.1%}" for score in cv_scores])

# %%
# The scores
# ----------
# The error of each shop, in that of repeating the value of a week before: below 1 is better.

model.fit(X_train, y_train)
week_before = y.groupby(level="shop").shift(7)[y_test.index]
answers = y_test.to_frame("observed").assign(
    **{"each in its size": model.predict(X_test), "all alike": network(None).fit(X_train, y_train).predict(X_test)}
)
scores = {
    shop: {
        name: root_mean_squared_error(part["observed"], part[name])
        / root_mean_squared_error(part["observed"], week_before[part.index])
        for name in answers.columns[1:]
    }
    for shop, part in answers.groupby(level="shop")
}
scores = pd.DataFrame(scores).T
print(scores.rename_axis("relative RMSE").round(2))

# %%
# Windows do not cross series
# ---------------------------
# The first 14 days of each shop miss steps; they are not filled from the shop before. And other sales in shop A change
# nothing in the other shops.

windows = model[0].fit_transform(X_train)
incomplete = pd.Series(~complete_windows(windows), index=X_train.index)
print("incomplete windows:", incomplete.groupby(level="shop").sum().to_dict())

no_sales_in_a = X_test.copy()
no_sales_in_a.loc["A", "sales"] = 0.0
changed = answers["each in its size"] != model.predict(no_sales_in_a)
print("changed forecasts:", changed.groupby(level="shop").sum().to_dict())

# %%
# A new shop
# ----------
# A shop that the model has never seen, ten times as large as the largest one, is forecast from its own rows alone. The
# first of them have little or no past, and a warning says so.

new_shop = pd.concat({"G": shops["F"].iloc[-30:] * [10.0, 1.0]}, names=["shop"])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    new_forecast = model.predict(new_shop)
print(caught[0].category.__name__, "-", caught[0].message)
for part, rows in {"first 14 days": slice(14), "later days": slice(14, None)}.items():
    error = mean_absolute_percentage_error(new_shop["sales"].iloc[rows], new_forecast[rows])
    print(f"mean absolute error of the new shop, {part}: {error:.0%}")

# %%
# The forecasts
# -------------
# The last seven weeks of the smallest and of the largest shop, each day forecast from the days before it, and the
# errors of all shops.

blue, orange = "#0072B2", "#D55E00"
fig, axes = plt.subplot_mosaic([["A", "scores"], ["F", "scores"]], figsize=(11, 6), layout="constrained")
for shop in "AF":
    part = answers.xs(shop, level="shop").iloc[-49:]
    axes[shop].plot(part["observed"], color="0.7", linewidth=4, label="observed")
    axes[shop].plot(part["all alike"], color=blue, linestyle="--", label="all alike")
    axes[shop].plot(part["each in its size"], color=orange, marker=".", label="each in its size")
    axes[shop].set_title(f"shop {shop}", loc="left")
    axes[shop].set(ylabel="sales per day")
    axes[shop].xaxis.set_major_locator(mdates.WeekdayLocator(mdates.MO, interval=2))
    axes[shop].xaxis.set_major_formatter(mdates.DateFormatter("%a %d %b"))
places = np.arange(len(scores))
axes["scores"].plot(places, scores["all alike"], color=blue, linestyle="--", marker="s")
axes["scores"].plot(places, scores["each in its size"], color=orange, marker="o")
axes["scores"].axhline(1, color="0.4", linewidth=1)
axes["scores"].annotate(
    "as good as the week before", (places[-1], 1), (0, 4), textcoords="offset points", ha="right", fontsize="small"
)
axes["scores"].set_yscale("log")
axes["scores"].yaxis.set_major_formatter("{x:g}")
axes["scores"].set_title("all shops", loc="left")
axes["scores"].set(xlabel="shop, from small to large", ylabel="RMSE in that of repeating the week before")
axes["scores"].set_xticks(places, scores.index)
fig.suptitle('One model forecasts shops of every size, if scaling="mean" measures each in its own')
fig.legend(*axes["A"].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "panel.png", dpi=120)
