"""FLAML: a search that moves from cheap settings to dearer ones."""

import ar3
from flaml import tune
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer

df = ar3.series().to_frame()[: -ar3.N_TEST]


def evaluate(config):
    model = make_pipeline(
        SlidingWindowTransformer(config["window_size"], horizon=1), GRURegressor(max_iter=10, random_state=0)
    )
    scores = cross_val_score(model, df, df["load"], cv=TimeSeriesSplit(2), scoring="neg_root_mean_squared_error")
    return {"rmse": -scores.mean()}


result = tune.run(
    evaluate,
    config={"window_size": tune.randint(1, 13)},
    low_cost_partial_config={"window_size": 1},
    metric="rmse",
    mode="min",
    num_samples=8,
)
found = result.best_config["window_size"]
assert found >= 3  # the memory of the series
print(f"window_size {found}, RMSE {result.best_result['rmse']:.3f}")
