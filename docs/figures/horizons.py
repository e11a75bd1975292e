"""The same day, predicted with three horizons."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skrnn import SlidingWindowTransformer, WindowDisplay

days = pd.date_range("2024-03-01", periods=24, name="day")
df = pd.DataFrame({"load": np.arange(24.0), "weekend": 0.0}, index=days)
figure, axes = plt.subplots(3, 1, figsize=(8, 5.5), sharex=True, layout="constrained")
for ax, horizon, title in zip(
    axes,
    (0, 1, 3),
    (
        "horizon=0 reads the row itself",
        "horizon=1 forecasts one day ahead",
        'horizon=3 forecasts three days ahead; future_columns=["weekend"] is read up to the day itself',
    ),
    strict=True,
):
    known = ["weekend"] if horizon == 3 else None
    window = SlidingWindowTransformer(7, horizon=horizon, future_columns=known).fit(df)
    WindowDisplay.from_estimator(window, df, rows=[14, 15], ax=ax)
    ax.set_title(title, loc="left", pad=24, fontsize="medium")
