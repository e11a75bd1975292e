"""An absent row is a hole in its place, whatever the order of the rows."""

import numpy as np
import pandas as pd

from skrnn import SlidingWindowTransformer, WindowDisplay

days = pd.date_range("2024-03-01", periods=24, name="day")
df = pd.DataFrame({"load": np.arange(24.0)}, index=days)
train, test = df[:14], df[14:].drop(days[18])
window = SlidingWindowTransformer(7, horizon=1, incomplete="ignore").fit(train)
display = WindowDisplay.from_estimator(window, test, rows=[0, 1, 5, 8])
display.ax_.set_title("The 19th is absent; the first test days read training days", loc="left", pad=24)
display.figure_.set_size_inches(8, 2.8)
