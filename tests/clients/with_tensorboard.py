"""TensorBoard: the losses of each epoch as curves."""

import tempfile

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from skrnn import GRURegressor

X = np.random.default_rng(0).normal(size=(200, 5, 2))
y = X[:, -1, 0] * X[:, -2, 1]


class TensorBoard:
    def __init__(self, folder):
        self.writer = SummaryWriter(folder)

    def __call__(self, epoch, losses, estimator):
        for name, loss in losses.items():
            self.writer.add_scalar(name, loss, epoch)


with tempfile.TemporaryDirectory() as folder:
    board = TensorBoard(folder)
    network = GRURegressor(max_iter=20, random_state=0, callbacks=board).fit(X, y)
    board.writer.close()
    curve = EventAccumulator(folder).Reload().Scalars("validation_loss")
    assert [event.step for event in curve] == list(range(1, network.n_iter_ + 1))
    np.testing.assert_allclose([event.value for event in curve], network.validation_loss_curve_, rtol=1e-6)
    print(f"{len(curve)} epochs written, loss {curve[-1].value:.3f}")
