"""SHAP: which lags a forecast rests on; flat windows name them."""

import ar3
import numpy as np
import shap

from skrnn import GRURegressor, SlidingWindowTransformer

df = ar3.series().to_frame()
windows = SlidingWindowTransformer(ar3.WINDOW, horizon=1, flatten=True, incomplete="ignore")
X = windows.set_output(transform="pandas").fit_transform(df)[ar3.WINDOW :]
network = GRURegressor(random_state=0).fit(X, df["load"][ar3.WINDOW :])
names = list(X.columns)


def predict(rows):
    return network.predict(X.iloc[:0].reindex(range(len(rows))).assign(**dict(zip(names, rows.T, strict=True))))


explainer = shap.explainers.Permutation(predict, X.iloc[:50].to_numpy(), seed=0)
found = explainer(X.iloc[-20:].to_numpy())
np.testing.assert_allclose(found.values.sum(axis=1) + found.base_values, network.predict(X.iloc[-20:]), atol=1e-6)
share = np.abs(found.values).mean(axis=0)
first, second = (names[i] for i in share.argsort()[:-3:-1])
assert (first, second) == ("load@t-1", "load@t-3")  # the lags that made the series
print(f"{first} and {second} have {share[share.argsort()[:-3:-1]].sum() / share.sum():.0%} of the influence")
