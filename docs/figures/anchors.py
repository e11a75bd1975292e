"""A series that rises beyond its training rows, with and without an anchor."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

days = pd.date_range("2023-01-01", periods=400, name="day")
steps = np.arange(400)
noise = np.random.default_rng(0).normal(scale=0.4, size=400)
df = pd.DataFrame({"load": 20 + steps / 20 + 3 * np.sin(2 * np.pi * steps / 28) + noise}, index=days)
train, test = df[:300], df[300:]

figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
ax.plot(df["load"][200:], color="0.6", linewidth=4, label="observed")
ax.axvline(test.index[0], color="black", linestyle=":", linewidth=1, label="end of the training rows")
styles = {"anchor, the default": {}, "no anchor and no linear part": {"linear_skip": False}}
for (name, parameters), color in zip(styles.items(), ("#D55E00", "#0072B2"), strict=True):
    network = GRURegressor(16, max_iter=60, random_state=0, **parameters)
    model = make_pipeline(SlidingWindowTransformer(14, horizon=1), network).fit(train, train["load"])
    ax.plot(test.index, model.predict(test), color=color, label=name)
ax.set(xlabel="day", ylabel="load, MW")
ax.set_title("Measured from its last value, a window of a new level looks familiar", loc="left")
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
