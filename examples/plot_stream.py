"""
Step by step, with the state carried over
=========================================

A tutorial lets a plain RNN with six hidden units read 20 points of a sine and answer the next one at each step. It is
the smallest example of two things: answers at each step of a sequence, and a stream that is read one value at a time.
"""

# %%
# One sequence, every step scored
# -------------------------------
# 20 points over 2 to 10; the target is the same series one step on. ``return_sequences=True`` takes a target for each
# step. Published are plain gradient descent with a step of 0.1, 300 epochs and figures, but no error. The better way is
# Adam, whose steps fall along a cosine. ``linear_skip=False`` leaves the linear part out of both: nothing but the
# network, as published.

import os
import sys
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import GRURegressor, RNNRegressor, SlidingWindowTransformer

series = np.sin(np.linspace(2, 10, 20))
X, y = series[np.newaxis, :-1, np.newaxis], series[np.newaxis, 1:]  # (sequence, step, channel), (sequence, step)

warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the number of epochs is fixed, as published
settings = {
    "as published": {
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate_init": 0.1,
        "learning_rate": "constant",
        "max_iter": 300,
    },
    "Adam, cosine": {"learning_rate_init": 0.03, "learning_rate": "cosine", "max_iter": 500},
}
models, rows = {}, {}
for name, setting in settings.items():
    started = time.perf_counter()
    models[name] = RNNRegressor(
        hidden_size=6,
        return_sequences=True,
        linear_skip=False,
        tol=0.0,
        n_iter_no_change=500,
        random_state=0,
        **setting,
    ).fit(X, y)
    rows[name] = [np.mean((models[name].predict(X) - y) ** 2), time.perf_counter() - started]
rows["persistence"] = [np.mean((X[:, :, 0] - y) ** 2), np.nan]
table = pd.DataFrame.from_dict(rows, orient="index", columns=["MSE", "seconds"])
print(table.to_string(float_format=lambda value: f"{value:.2g}", na_rep="-"))
print("published: no error")

# %%
# One step at a time
# ------------------
# ``predict_step`` takes one new step and the state, and gives the answer and the next state. Nothing is stored in the
# estimator, and a step costs the same however long the past is. Stepping through the sequence gives the answers of
# ``predict``, to rounding.

stepwise = {}
for name, model in models.items():
    state, answers = None, []
    for value in X[0]:
        answer, state = model.predict_step(value[np.newaxis], state)
        answers.append(answer.item())
    stepwise[name] = np.array(answers)
    np.testing.assert_allclose(stepwise[name], model.predict(X)[0], atol=1e-6)

# %%
# A stream behind a pipeline
# --------------------------
# A scaler treats each row by itself, so that a new row passes through it as it comes; then the network takes the step.
# With ``linear_skip=False``, ``segment_size=1`` and ``anchor=None`` it keeps nothing but its state; else it would keep
# the last steps.
# A window forgets what is older than ``window_size`` steps; a state goes on without end. The two agree on the first
# ``window_size`` steps of a stream, and differ after that by what the window has forgotten.

sensor = pd.DataFrame({"degrees": 20 + 5 * np.sin(0.3 * np.arange(400))})
pipeline = make_pipeline(
    StandardScaler(),
    SlidingWindowTransformer(24, horizon=1, incomplete="ignore"),
    GRURegressor(hidden_size=16, segment_size=1, linear_skip=False, anchor=None, batch_size=32, random_state=0),
).set_output(transform="pandas")
pipeline.fit(sensor.iloc[:300], sensor["degrees"].iloc[:300])

scaler, network = pipeline[0], pipeline[-1]
state = None
for i in range(300, 399):
    row = scaler.transform(sensor.iloc[[i]])
    answer, state = network.predict_step(row, state)  # for row i + 1
print(f"after 99 steps of a stream: {answer[0]:.2f}, observed {sensor['degrees'].iloc[399]:.2f} degrees")

# %%
# The figure
# ----------
# The answers as they come, one step at a time, and how far each is from the value that came. It is the sequence that
# was trained on, as published.

colors = dict(zip(settings, ("#0072B2", "#D55E00"), strict=True))  # told apart by colour-blind readers
markers = dict(zip(settings, "os", strict=True))
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
steps = np.arange(1, 20)
left.plot(steps, y[0], color="0.6", linewidth=4, label="sine")
for name, answers in stepwise.items():
    left.plot(steps, answers, color=colors[name], marker=markers[name], markersize=5, linewidth=1, label=name)
    right.semilogy(steps, np.abs(answers - y[0]), color=colors[name], marker=markers[name], markersize=5, linewidth=1)
left.set(xlabel="step", ylabel="value of the sine", title="Answers, one step at a time")
right.set(xlabel="step", ylabel="absolute error", title="Errors of these answers")
for ax in (left, right):
    ax.set_xticks(np.arange(1, 20, 3))
fig.suptitle("Both follow the sine; Adam, with steps that fall, comes closer")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)

if "sphinx_gallery" not in sys.modules:  # the gallery takes the figure by itself
    fig.savefig(Path(os.environ.get("SKRNN_OUTPUT", ".")) / "stream.png", dpi=120)
