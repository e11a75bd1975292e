"""scikit-learn's meta-estimators: a search over a stack of a network and trees, with a scaled target."""

import ar3
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesRegressor, StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import GRURegressor, SlidingWindowTransformer

df = ar3.series().to_frame()
y = df["load"]
both = [("network", GRURegressor(max_iter=20, random_state=0)), ("trees", ExtraTreesRegressor(50, random_state=0))]
stack = StackingRegressor(both, final_estimator=Ridge(), cv=KFold(3))
windows = SlidingWindowTransformer(ar3.WINDOW, horizon=1, flatten=True, incomplete="ignore")
search = GridSearchCV(
    TransformedTargetRegressor(make_pipeline(windows, stack), transformer=StandardScaler()),
    {"regressor__stackingregressor__network__hidden_size": [4, 16]},
    cv=TimeSeriesSplit(2),
)
search.fit(df[: -ar3.N_TEST], y[: -ar3.N_TEST])
print(f"RMSE {ar3.check(search.predict(df[-ar3.N_TEST :])):.3f}")
