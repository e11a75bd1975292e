"""scikit-learn's callbacks: a bar over a search and the epochs of its fits, and a score after each epoch."""

from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV

from skrnn import GRURegressor

X, y = make_friedman1(200, n_features=6, random_state=0)  # each row is read as a sequence of six steps
monitor = ScoringMonitor(scoring="r2")
network = GRURegressor(max_iter=5, refit=False, random_state=0).set_callbacks(monitor)
search = GridSearchCV(network, {"hidden_size": [4, 8]}, cv=2, n_jobs=2).set_callbacks(ProgressBar())
search.fit(X, y)
scores = monitor.get_logs().data_as_pandas.query("task_name == 'epoch'")["r2"]
assert len(scores) == 5 * (2 * 2 + 1)  # epochs of four fits of the search, and of the last one
assert scores.max() > 0.7
print(f"{len(scores)} scores, the best {scores.max():.3f}")
