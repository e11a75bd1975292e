"""MLflow: the losses of each epoch as metrics, and the model as an artifact that answers alike when it is loaded."""

import tempfile

import mlflow
import numpy as np

from skrnn import GRURegressor

X = np.random.default_rng(0).normal(size=(200, 5, 2))
y = X[:, -1, 0] * X[:, -2, 1]


def log(epoch, losses, estimator):
    mlflow.log_metrics(losses, step=epoch)


with tempfile.TemporaryDirectory() as folder:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("windows", artifact_location=f"file://{folder}/artifacts")
    mlflow.set_experiment("windows")
    with mlflow.start_run() as run:
        network = GRURegressor(max_iter=20, random_state=0, callbacks=log).fit(X, y)
        saved = mlflow.sklearn.log_model(
            network.set_params(callbacks=None),
            name="network",
            serialization_format="cloudpickle",
            pip_requirements=["skrnn"],
        )
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "validation_loss")
    loaded = mlflow.sklearn.load_model(saved.model_uri)
    assert [metric.value for metric in history] == network.validation_loss_curve_
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    print(f"{len(history)} epochs logged, loss {history[-1].value:.3f}")
