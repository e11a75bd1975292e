"""
A first forecast
================

How many sunspots will there be next year? A pipeline of two steps answers: a
:class:`~skrnn.SlidingWindowTransformer` gives each year the years before it, and a
:class:`~skrnn.GRURegressor` reads them. Everything else is ordinary scikit-learn: the search, the splits, the scores
and the saved model.
"""

# %%
# The series
# ----------
# The mean sunspot number of each year from 1700 to 2008 ships with statsmodels. It comes from the National Geophysical
# Data Center (http://www.ngdc.noaa.gov/stp/solar/solarda3.html); statsmodels states: "This data is public domain."
#
# The time is the index. The first four fifths of the years are for training, the rest is for the test at the end.

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

table = sm.datasets.sunspots.load_pandas().data
years = pd.to_datetime(table["YEAR"].astype(int).astype(str), format="%Y")
X = pd.DataFrame({"sunspots": table["SUNACTIVITY"].to_numpy()}, index=pd.DatetimeIndex(years, name="year"))
y = X["sunspots"]

n_train = len(X) * 4 // 5
X_train, X_test = X.iloc[:n_train], X.iloc[n_train:]
y_train, y_test = y.iloc[:n_train], y.iloc[n_train:]
print(f"{n_train} years to train, {len(X_test)} to test, from {X_test.index[0].year} on")

# %%
# The model
# ---------
# With ``horizon=1`` the window of a year ends at the year before, so the target may be a column of ``X`` and needs no
# shifting. The series is short: small batches let an epoch take more than one step. The last fifth of the training
# years is held out, and the weights that are best on it stay.

model = make_pipeline(
    SlidingWindowTransformer(12, horizon=1),
    GRURegressor(batch_size=16, early_stopping=True, validation_fraction=0.2, random_state=0),
)
search = GridSearchCV(
    model,
    {"slidingwindowtransformer__window_size": [12, 24], "gruregressor__hidden_size": [8, 32]},
    scoring="neg_root_mean_squared_error",
    cv=TimeSeriesSplit(3),
    n_jobs=2,
).fit(X_train, y_train)
print(f"best parameters: {search.best_params_}")
print(f"RMSE of the GRU in cross-validation: {-search.best_score_:.1f}")

# %%
# The score
# ---------
# The first test years find their history in the training years. Two rivals forecast the same years: persistence
# repeats the last value, and a ridge regression reads the same windows as a table. Its first windows miss steps,
# which have to be filled.

window_size = search.best_params_["slidingwindowtransformer__window_size"]
ridge = make_pipeline(
    SlidingWindowTransformer(window_size, horizon=1, flatten=True),
    SimpleImputer(),
    RidgeCV(np.logspace(-3, 3, 13)),
)
ridge_cv = cross_val_score(ridge, X_train, y_train, cv=TimeSeriesSplit(3), scoring="neg_root_mean_squared_error")
print(f"RMSE of ridge in cross-validation: {-ridge_cv.mean():.1f}")

ridge.fit(X_train, y_train)
forecast = search.predict(X_test)
forecasts = {"GRU": forecast, "ridge": ridge.predict(X_test), "persistence": y.shift(1).iloc[n_train:]}
scores = {name: root_mean_squared_error(y_test, answer) for name, answer in forecasts.items()}
print(pd.Series(scores, name="RMSE on the test years").round(1).to_frame())

# %%
# Both beat persistence. The network starts from a linear answer, and in so short a series there is little to learn
# beyond it. The test years are unlike the training years, too: the sun was far more active, with a
# third of the years above 100 instead of a twelfth.

# %%
# Save and load
# -------------
# A fitted pipeline is saved with joblib. Another process loads it and predicts the same numbers, to the last bit.

predict_elsewhere = """
import sys, joblib, numpy, pandas
folder = sys.argv[1]
model = joblib.load(f"{folder}/model.joblib")
numpy.save(f"{folder}/forecast.npy", model.predict(pandas.read_pickle(f"{folder}/test.pkl")))
"""
with tempfile.TemporaryDirectory() as folder:
    joblib.dump(search.best_estimator_, f"{folder}/model.joblib")
    X_test.to_pickle(f"{folder}/test.pkl")
    subprocess.run([sys.executable, "-c", predict_elsewhere, folder], check=True)
    np.testing.assert_array_equal(np.load(f"{folder}/forecast.npy"), forecast)
print("The loaded model gives equal predictions.")

# %%
# The forecast and the training
# -----------------------------
# Each point of the forecast is made one year ahead. The curves on the right are in units of the squared error of the
# linear start on the years trained on. That of the held-out years begins with the linear start itself, before the first
# epoch. It falls, and then rises: what the network finds late in the training years does not hold in others. The
# weights of its lowest point stay.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=[2, 1], layout="constrained")
left.plot(y_test, color="black", label="observed")
left.plot(y_test.index, forecast, color="tab:orange", label="GRU, one year ahead")
left.set(xlabel="year", ylabel="sunspot number, yearly mean", title="Test years", ylim=(0, 230))
left.legend(loc="upper center", ncols=2)
gru = search.best_estimator_[-1]
right.plot(np.arange(1, gru.n_iter_ + 1), gru.loss_curve_, label="training")
right.plot([gru.initial_loss_, *gru.validation_loss_curve_], label="held-out years")
right.axvline(gru.best_epoch_, color="0.6", linestyle=":", label="the weights that stay")
right.set(xlabel="epoch", ylabel="squared error, 1 = linear start", title="Training", ylim=(0, 1.4))
right.legend()

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "first_forecast.png", dpi=120)
