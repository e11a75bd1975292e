"""
A day ahead, with what is known in advance
==========================================

Tomorrow's electricity load is not known, but tomorrow's date is, and so is the weather forecast. ``future_columns``
names such columns: they reach the network at the hour that is forecast, while all other columns end a day before it.
"""

# %%
# The data
# --------
# Seven months of hourly load, made up by a seeded generator: a daily course, less on weekends and holidays, and
# heating on cold days. In the table the load stands beside the weather forecast of the day before and the calendar.

import os
import sys
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

rng = np.random.default_rng(0)
time = pd.date_range("2023-10-01", "2024-05-01 23:00", freq="h", name="time")
hour, weekday = time.hour.to_numpy(), time.day_of_week.to_numpy()
holidays = pd.to_datetime(["2023-12-25", "2023-12-26", "2024-01-01", "2024-03-29", "2024-04-01", "2024-05-01"])
workday = (weekday < 5) & ~time.normalize().isin(holidays)

weather = pd.Series(rng.normal(0, 1, len(time))).ewm(halflife=48).mean().to_numpy()
temperature = 8 - 8 * np.cos(2 * np.pi * (time.day_of_year - 20) / 366) + 30 * weather
temperature = (temperature - 3 * np.cos(2 * np.pi * (hour - 3) / 24)).to_numpy()
daily = 12 * np.exp(-(((hour - 9) / 3) ** 2)) + 14 * np.exp(-(((hour - 18.5) / 3.5) ** 2))
load = 40 + daily * np.where(workday, 1.0, 0.5) + 6 * workday + 1.2 * np.maximum(15 - temperature, 0)
load = load + pd.Series(rng.normal(0, 1, len(time))).ewm(halflife=3).mean().to_numpy() * 3

known = {
    "temperature_forecast": temperature + rng.normal(0, 0.7, len(time)),
    "workday": workday,
    "hour_sin": np.sin(2 * np.pi * hour / 24),
    "hour_cos": np.cos(2 * np.pi * hour / 24),
    "weekday_sin": np.sin(2 * np.pi * weekday / 7),
    "weekday_cos": np.cos(2 * np.pi * weekday / 7),
}
table = pd.DataFrame({"load": load, **known}, index=time).astype("float32")

# The last day is still to come: its load is not known, and it is a holiday.
table.loc["2024-05-01", "load"] = np.nan
data, tomorrow = table.iloc[:-24], table.iloc[-24:]
train, test = data[: len(data) * 4 // 5], data[len(data) * 4 // 5 :]

# %%
# With and without
# ----------------
# Both models see the same columns. With ``horizon=24``, a window ends 24 hours before its row. In the first model this
# holds for all columns, in the second one only for the load.


def day_ahead(future_columns):
    return make_pipeline(
        SlidingWindowTransformer(24, horizon=24, future_columns=future_columns),
        GRURegressor(16, max_iter=100, random_state=0),
    )


without = day_ahead(None).fit(train, train["load"])
with_known = day_ahead(tuple(known)).fit(train, train["load"])

forecasts = {
    "GRU, all columns a day old": without.predict(test),
    "GRU with future_columns": with_known.predict(test),
    "same hour a week ago": data["load"].shift(24 * 7).loc[test.index],
}
scores = {name: root_mean_squared_error(test["load"], answer) for name, answer in forecasts.items()}
print(pd.Series(scores, name="RMSE on the last fifth, MW").round(2).to_frame())

# %%
# The next 24 hours
# -----------------
# A forecast is ``predict`` on rows of the future: the load is NaN, the columns known in advance are filled. The model
# remembers its training rows; what was measured since then is passed along.

forecast = pd.Series(with_known.predict(pd.concat([test, tomorrow])), index=test.index.append(tomorrow.index))
print(forecast.loc["2024-05-01"].iloc[::6].astype(float).round(1).to_frame("forecast, MW"))

# %%
# The figure
# ----------
# Only the model that knows the calendar of the day expects the low load of the holiday before it begins.

shown = slice("2024-04-25", None)
stale = pd.Series(without.predict(pd.concat([test, tomorrow])), index=forecast.index)
fig, axis = plt.subplots(figsize=(10, 4), layout="constrained")
axis.axvspan(tomorrow.index[0], tomorrow.index[-1], color="0.9", label="tomorrow, a holiday")
axis.plot(test["load"].loc[shown], color="black", label="observed")
axis.plot(stale.loc[shown], color="#0072B2", linestyle=(0, (4, 1.5)), label="all columns a day old")
axis.plot(forecast.loc[shown], color="#D55E00", label="with future_columns")
axis.set(xlabel="day", ylabel="load in MW", xlim=(pd.Timestamp("2024-04-25"), time[-1]))
axis.set_title("A day ahead, only the model that knows the calendar expects the low load of the holiday")
axis.xaxis.set_major_formatter(mdates.DateFormatter("%a %d %b"))
fig.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "known_in_advance.png", dpi=120)
