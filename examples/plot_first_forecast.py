"""
A first forecast
================

How many bikes will be hired tomorrow, hour by hour? A pipeline of two steps answers: a
:class:`~skrnn.SlidingWindowTransformer` gives each hour the week before it, and a :class:`~skrnn.GRURegressor` reads
it. Everything else is ordinary scikit-learn.
"""

# %%
# The series
# ----------
# Bikes hired in Washington, D.C., in each hour from May to September 2011. The file is an excerpt of the Bike Sharing
# data set by Hadi Fanaee-T and João Gama (UCI Machine Learning Repository, https://doi.org/10.24432/C5W894, CC BY 4.0).
#
# The time is the index. The hours of a storm, at the end of August, are absent from the file, and stay absent: the
# network skips them. The model reads square roots, as the spread of a count grows with the count, and that of its root
# does not.

import os
import sys
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline

from skrnn import ForecastDisplay, GRURegressor, SlidingWindowTransformer, forecast

df = pd.read_csv(Path(sys.argv[0]).with_name("bike_hires.csv"), index_col="time", parse_dates=True)
roots = df**0.5
train, later = roots[:"2011-08-26"], roots["2011-08-27":]
print(f"{len(train)} hours to train, {len(later)} later ones")

# %%
# The model
# ---------
# With ``horizon=1`` the window of an hour ends at the hour before, so the target may be a column of ``X`` and needs no
# shifting. ``segment_size=24`` lets the network read the week in seven steps of a day.

model = make_pipeline(
    SlidingWindowTransformer(168, horizon=1, incomplete="ignore"),
    GRURegressor(segment_size=24, random_state=0),
)
model.fit(train, train["hires"])
print(f"The weights of epoch {model[-1].best_epoch_} stay.")

# %%
# The score
# ---------
# Each hour of September is forecast one hour ahead, from all hours before it. One rival is ridge regression: it reads
# the same windows as a table, which ``flatten=True`` makes. The other rival repeats the hour of the week before.

ridge = make_pipeline(
    SlidingWindowTransformer(168, horizon=1, flatten=True, incomplete="ignore"),
    SimpleImputer(),
    RidgeCV(np.logspace(-3, 3, 13)),
)
ridge.fit(train, train["hires"])
answers = pd.DataFrame({"GRU": model.predict(later), "ridge regression": ridge.predict(later)}, index=later.index)
answers = answers.clip(lower=0) ** 2
answers["same hour, a week before"] = df["hires"].shift(168, freq="h").reindex(answers.index)
answers = answers["2011-09":].dropna()
errors = answers.apply(lambda answer: root_mean_squared_error(df["hires"][answer.index], answer))
print(errors.rename("RMSE in bikes per hour").round(1).to_frame())

# %%
# The network errs clearly less than ridge regression. How mornings and evenings belong together differs between
# workdays and weekends, which a linear map of the past cannot see. Gradient boosting on the same windows can, and comes
# close to the network.

# %%
# A day with a band
# -----------------
# :func:`~skrnn.forecast` goes on from the last rows that it is given, here from the 21st of September. The band holds
# nine of ten values: its width comes from the errors on rows after those of the fit.

known = roots[:"2011-09-21"]
tomorrow = forecast(model, known, 24, confidence_level=0.9).clip(lower=0) ** 2
print(tomorrow.iloc[::6].round().astype(int))

# %%
# Save and load
# -------------
# A fitted pipeline is saved with joblib, and predicts the same numbers afterwards, to the last bit.

with tempfile.TemporaryDirectory() as folder:
    joblib.dump(model, f"{folder}/model.joblib")
    loaded = joblib.load(f"{folder}/model.joblib")
np.testing.assert_array_equal(loaded.predict(later), model.predict(later))
print("The loaded model gives equal predictions.")

# %%
# The figure
# ----------
# Left the forecast of the day, with three days before it and what came true; right the errors one hour ahead.

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), width_ratios=[3, 2], layout="constrained")
ForecastDisplay.from_predictions(
    df["hires"][tomorrow.index], tomorrow, history=df["hires"][:"2011-09-21"].tail(72), ax=left
)
left.set(xlabel="day", ylabel="bikes hired per hour", ylim=(0, None))
left.set_title("The next 24 hours, with a band for nine of ten values", loc="left", pad=24)
order = errors.sort_values(ascending=False)
bars = right.barh(order.index, order, color=["#D55E00" if name == "GRU" else "0.6" for name in order.index])
right.bar_label(bars, fmt="%.0f", padding=3)
right.set(xlabel="root mean squared error, bikes per hour", xlim=(0, 1.15 * order.iloc[0]))
right.set_title("One hour ahead, the network errs least", loc="left", pad=24)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "first_forecast.png", dpi=120)
