"""Forecasting tasks of ``accuracy.py``: series in frames, read by ordinary pipelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _problem import PENALTIES, Problem
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer, forecast, horizon_targets

HOUR, WEEK = 24, 168


@dataclass(frozen=True)
class Forecasts:
    """Rows to fit on and rows to be answered; ``naive`` are answers that need no fit.

    ``given`` are the rows of the training part, of which ``fitted`` count: their windows are complete.
    """

    X: pd.DataFrame
    y: pd.Series | pd.DataFrame
    given: np.ndarray  # positions
    fitted: np.ndarray
    asked: np.ndarray
    window: dict[str, Any]
    errors: list[Callable[[np.ndarray], float]]
    naive: dict[str, np.ndarray] = field(default_factory=dict)

    def network(self, parameters: dict[str, Any]) -> np.ndarray:
        """Fit a pipeline of the window step and a network, and predict; rows that are not fitted have no weight."""
        window = SlidingWindowTransformer(**self.window, incomplete="ignore")
        model = make_pipeline(window, GRURegressor(**parameters))
        weight = np.isin(self.given, self.fitted).astype(float)
        model.fit(self.X.iloc[self.given], self.y.iloc[self.given], gruregressor__sample_weight=weight)
        return np.asarray(model.predict(self.X), dtype=float)[self.asked]

    def on_windows(self, model: Any) -> np.ndarray:
        """Fit another model on the same windows, one in each row, and predict."""
        window = SlidingWindowTransformer(**self.window, incomplete="ignore", flatten=True)
        windows = window.fit_transform(self.X.iloc[self.given])[np.isin(self.given, self.fitted)]
        model.fit(windows, self.y.iloc[self.fitted])
        return np.asarray(model.predict(window.transform(self.X)[self.asked]), dtype=float)

    def problem(self) -> Problem:
        """Networks and simple means on the same windows; boosting unless it would take hours."""
        simple: dict[str, Callable[[], np.ndarray]] = {
            name: lambda answer=answer: answer for name, answer in self.naive.items()
        }
        simple["ridge"] = lambda: self.on_windows(make_pipeline(SimpleImputer(), RidgeCV(PENALTIES)))
        boosting = HistGradientBoostingRegressor(random_state=0)
        if self.y.ndim == 1:
            simple["boosting"] = lambda: self.on_windows(boosting)
        elif self.y.shape[1] <= HOUR:
            simple["boosting"] = lambda: self.on_windows(MultiOutputRegressor(boosting))
        return Problem(self.network, self.errors, simple)


def mean_absolute(truth: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda answer: float(np.mean(np.abs(answer - truth)))


def mean_squared(truth: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda answer: float(np.mean((answer - truth) ** 2))


def root_mean_squared(truth: np.ndarray, unit: float = 1.0) -> Callable[[np.ndarray], float]:
    return lambda answer: float(np.sqrt(np.mean((answer - truth) ** 2)) / unit)


def transformer(data: Path, columns: list[str], steps: int) -> Forecasts:
    """ETTh1 (Zhou et al., 2021): hourly, 12 months to train, the 4 after the next 4 to test, standardised.

    All columns are forecast ``steps`` hours ahead, each as a series of its own, from one window of two weeks; errors
    are averaged over hours and columns.
    """
    table = pd.read_csv(data / "ett/ETTh1.csv", parse_dates=["date"], index_col="date")[columns].iloc[:14400]
    scaled = (table - table[:8640].mean()) / table[:8640].std(ddof=0)
    long = scaled.melt(ignore_index=False, var_name="column").set_index("column", append=True)["value"].swaplevel()
    targets = horizon_targets(long, steps)
    hour = np.tile(np.arange(14400), len(columns))
    given = np.flatnonzero(hour <= 8640 - steps)
    fitted = given[hour[given] >= 336]
    asked = np.flatnonzero((hour >= 11520) & (hour <= 14400 - steps))
    truth = targets.to_numpy()[asked]
    ahead = np.arange(steps)
    naive = {
        "persistence": np.repeat(long.to_numpy()[asked - 1][:, None], steps, axis=1),
        "season": long.to_numpy()[asked[:, None] - HOUR + ahead % HOUR],
    }
    window = {"window_size": 336, "horizon": 1}
    errors = [mean_squared(truth), mean_absolute(truth)]
    return Forecasts(long.to_frame(), targets, given, fitted, asked, window, errors, naive)


def taxi(data: Path) -> Forecasts:
    """Taxi passengers in New York every half hour, five steps ahead (Cui, Ahmad and Hawkins, 2016).

    Fitted once on the first 5,000 rows, scored on the forecasts from row 10,000 on, in units of the standard deviation
    of the whole series.
    """
    table = pd.read_csv(
        data / "nyc_taxi/nyc_taxi.csv", skiprows=[1, 2], parse_dates=["timestamp"], index_col="timestamp"
    )
    count = table["passenger_count"].astype(float)
    day = (count.index.hour + count.index.minute / 60) / 24
    phases = {"day": day, "week": (count.index.dayofweek + day) / 7}
    known = {f"{name}_sin": np.sin(2 * np.pi * phase) for name, phase in phases.items()}
    known |= {f"{name}_cos": np.cos(2 * np.pi * phase) for name, phase in phases.items()}
    X = pd.DataFrame({"passengers": count, **known}).astype("float32")
    asked = np.arange(10_005, 17_520)
    values = count.to_numpy()
    window = {"window_size": 336, "horizon": 5, "future_columns": tuple(known)}
    errors = [root_mean_squared(values[asked], values.std())]
    naive = {"persistence": values[asked - 5], "season": values[asked - 336]}
    return Forecasts(X, count, np.arange(5000), np.arange(341, 5000), asked, window, errors, naive)


def hourly(data: Path) -> Forecasts:
    """The 414 hourly series of the M4 competition, 48 hours ahead: MASE and sMAPE.

    Logarithms, each series in units of its mean change in a day, are pooled. One row in twelve is fitted on, counted
    from the end of each series.
    """
    read = [pd.read_csv(data / f"m4/Hourly-{part}.csv", index_col=0) for part in ("train", "test")]
    values = [row[~np.isnan(row)] for row in read[0].to_numpy(dtype=float)]
    future = read[1].to_numpy(dtype=float)
    of_values, of_logs = (
        np.array([np.abs(x[HOUR:] - x[:-HOUR]).mean() for x in part]) for part in (values, map(np.log, values))
    )
    past = [np.log(x) / unit for x, unit in zip(values, of_logs, strict=True)]
    keys = [(i, t) for i, x in enumerate(past) for t in range(len(x) + 1)]
    index = pd.MultiIndex.from_tuples(keys, names=["series", "hour"])
    X = pd.DataFrame({"log": np.concatenate([np.append(x, np.nan) for x in past])}, index=index)
    targets = horizon_targets(X["log"], 48)
    to_end = np.concatenate([np.arange(len(x), -1, -1) for x in past])
    hour = index.get_level_values("hour").to_numpy()
    given = np.flatnonzero(to_end >= 48)
    fitted = given[(to_end[given] % 12 == 0) & (hour[given] >= WEEK)]
    asked = np.flatnonzero(to_end == 0)
    steps = np.arange(48)
    naive = {
        "persistence": np.stack([np.repeat(x[-1], 48) for x in past]),
        "season": np.stack([x[len(x) - HOUR + steps % HOUR] for x in past]),
    }

    def mase(answer: np.ndarray) -> float:
        return float(np.mean(np.abs(np.exp(answer * of_logs[:, None]) - future).mean(axis=1) / of_values))

    def smape(answer: np.ndarray) -> float:
        found = np.exp(answer * of_logs[:, None])
        return float(np.mean(200 * np.abs(found - future) / (found + future)))

    return Forecasts(X, targets, given, fitted, asked, {"window_size": WEEK, "horizon": 1}, [mase, smape], naive)


def pollution(data: Path) -> Forecasts:
    """PM2.5 in Beijing in the next hour, from 24 hours of it and of the weather; the first year to train."""
    table = pd.read_csv(data / "pm25/pollution.csv").iloc[24:]
    index = pd.to_datetime(table[["year", "month", "day", "hour"]])
    X = table.drop(columns=["No", "year", "month", "day", "hour"]).set_axis(pd.DatetimeIndex(index))
    X["pm2.5"] = X["pm2.5"].fillna(0.0)
    X["cbwd"] = X["cbwd"].astype("category").cat.codes
    X = X.astype("float32")
    y = X["pm2.5"].astype(float)
    asked = np.arange(8761, len(X))
    naive = {"persistence": y.to_numpy()[asked - 1]}
    window = {"window_size": 24, "horizon": 1}
    truth = y.to_numpy()[asked]
    errors = [root_mean_squared(truth), mean_absolute(truth)]
    return Forecasts(X, y, np.arange(8761), np.arange(24, 8761), asked, window, errors, naive)


def airline(data: Path) -> Forecasts:
    """Airline passengers (Box and Jenkins, 1976): the next month; 96 months to train, 48 to test."""
    y = pd.read_csv(data / "brownlee/airline-passengers.csv", index_col=0, parse_dates=True).iloc[:, 0].astype(float)
    asked = np.arange(96, 144)
    naive = {"persistence": y.to_numpy()[asked - 1], "season": y.to_numpy()[asked - 12]}
    window = {"window_size": 13, "horizon": 1}
    errors = [root_mean_squared(y.to_numpy()[asked])]
    return Forecasts(y.to_frame(), y, np.arange(96), np.arange(13, 96), asked, window, errors, naive)


def mackey_glass(_: Path) -> Forecasts:
    """128 series of the Mackey-Glass equation, 15 steps ahead (Voelker, Kajic and Eliasmith, 2019).

    64 series of 5,000 steps to train, of which every second row is fitted, and 64 to test. A delay of 17, ten Euler
    steps for one step, 100 steps left out, tanh(x - 1), and the mean of all taken off.
    """
    rng, x, table = np.random.RandomState(0), 1.2, np.empty((128, 5115))
    for series in table:
        past = list(1.2 + 0.2 * (rng.rand(170) - 0.5))
        for i in range(10 * len(series)):
            past.append(x)
            x += (0.2 * past[i] / (1 + past[i] ** 10) - 0.1 * x) / 10
            series[i // 10] = x
    table = np.tanh(table - 1)[:, 100:]
    index = pd.MultiIndex.from_product([range(128), range(5015)], names=["series", "step"])
    y = pd.Series((table - table.mean()).ravel(), index, name="x")
    series, step = (index.get_level_values(i).to_numpy() for i in (0, 1))
    given = np.flatnonzero(series < 64)
    window = {"window_size": 48, "horizon": 15}
    complete = step >= 48 + 14
    fitted, asked = given[complete[given] & (step[given] % 2 == 0)], np.flatnonzero((series >= 64) & complete)
    values = y.to_numpy()
    unit = float(np.sqrt(np.mean(values[asked] ** 2)) / 100)
    errors = [root_mean_squared(values[asked], unit)]
    naive = {"persistence": values[asked - 15]}
    return Forecasts(y.astype("float32").to_frame(), y, given, fitted, asked, window, errors, naive)


def sine(_: Path) -> Problem:
    """A sine with a period of 20, 2,000 points over 0 to 1000: the next value from 80; 1,536 windows to train.

    Behind the test rows come 100 answers that continue 80 points from 123 on, half a unit apart.
    """
    y = pd.Series(np.sin(2 * np.pi * np.linspace(0, 1000, 2000) / 20), name="sine")
    other = pd.DataFrame({"sine": np.sin(2 * np.pi * (123 + np.arange(180) / 2) / 20)}, index=range(10_000, 10_180))
    asked = np.arange(1616, 2000)

    def network(parameters: dict[str, Any]) -> np.ndarray:
        model = make_pipeline(SlidingWindowTransformer(80, horizon=1, incomplete="ignore"), GRURegressor(**parameters))
        rows = np.arange(1616)
        model.fit(y.to_frame().iloc[rows], y.iloc[rows], gruregressor__sample_weight=rows >= 80)
        free = forecast(model, other.iloc[:80], 100, target="sine")
        return np.concatenate([model.predict(y.to_frame())[asked], np.ravel(free)])

    truth = np.concatenate([y.to_numpy()[asked], other["sine"].iloc[80:]])
    errors = [lambda answer: float(np.mean((answer - truth)[:384] ** 2))]
    errors.append(lambda answer: float(np.sqrt(np.mean((answer - truth[: len(answer)])[384:] ** 2))))
    last = np.concatenate([y.to_numpy()[asked - 1], np.repeat(other["sine"].iloc[79], 100)])
    return Problem(network, errors, {"persistence": lambda: last})
