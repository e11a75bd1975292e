"""The rows that six predictions read."""

import numpy as np
import pandas as pd

from skrnn import SlidingWindowTransformer, WindowDisplay

days = pd.date_range("2024-03-01", periods=24, name="day")
df = pd.DataFrame({"load": np.arange(24.0)}, index=days)
window = SlidingWindowTransformer(7, horizon=1).fit(df)
display = WindowDisplay.from_estimator(window, df, rows=range(12, 18))
display.ax_.set_title("Each day is predicted from the seven days before it", loc="left", pad=24)
display.figure_.set_size_inches(8, 3.2)
