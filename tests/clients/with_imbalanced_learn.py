"""imbalanced-learn: a rare class is drawn more often while a classifier of sequences is fitted."""

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.metrics import balanced_accuracy_score

from skrnn import GRUClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 10))  # each row is a sequence of ten steps
y = np.where(np.abs(X).max(axis=1) > 2.9, "spike", "quiet")  # 4 % of them have a spike
model = make_pipeline(RandomOverSampler(random_state=0), GRUClassifier(max_iter=30, random_state=0))
scores = [
    balanced_accuracy_score(y[2000:], one.fit(X[:2000], y[:2000]).predict(X[2000:]))
    for one in (model, GRUClassifier(max_iter=30, random_state=0))
]
assert scores[0] > 0.9
print(f"balanced accuracy {scores[0]:.3f}, without {scores[1]:.3f}; {np.mean(y == 'spike'):.1%} spikes")
