"""Dask: the fits of a search on the workers of a cluster; ``Client("tcp://...")`` instead of a local one scales out."""

import ar3
import joblib
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import GRURegressor, SlidingWindowTransformer


def main():
    df = ar3.series().to_frame()
    model = make_pipeline(SlidingWindowTransformer(ar3.WINDOW, horizon=1), GRURegressor(max_iter=20, random_state=0))
    search = GridSearchCV(model, {"gruregressor__hidden_size": [4, 8]}, cv=TimeSeriesSplit(2), error_score="raise")
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        search.fit(df, df["load"])
    scores = search.cv_results_["mean_test_score"]
    here = clone(search).fit(df, df["load"])
    np.testing.assert_allclose(scores, here.cv_results_["mean_test_score"], rtol=1e-9)
    print(f"R2 {scores.max():.3f} on the cluster and here")


if __name__ == "__main__":  # the workers import this file
    main()
