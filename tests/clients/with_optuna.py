"""Optuna: trials that do worse than the median of those before end within ``fit``."""

import optuna
from sklearn.datasets import make_friedman1

from skrnn import GRURegressor

X, y = make_friedman1(400, n_features=6, random_state=0)  # each row is read as a sequence of six steps


def objective(trial):
    def prune(epoch, losses, estimator):
        trial.report(losses["validation_loss"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    rate = trial.suggest_float("learning_rate_init", 1e-5, 1e-1, log=True)
    network = GRURegressor(learning_rate_init=rate, max_iter=40, refit=False, random_state=0, callbacks=prune)
    return network.fit(X, y).best_loss_


pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=5)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
study.optimize(objective, n_trials=8)
pruned = study.get_trials(states=[optuna.trial.TrialState.PRUNED])
assert pruned
assert all(5 <= trial.last_step < 40 for trial in pruned)
assert study.best_value < 0.9  # the linear start has about 1
print(f"{len(pruned)} of 8 trials pruned, best loss {study.best_value:.3f}")
