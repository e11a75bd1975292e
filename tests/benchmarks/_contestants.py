"""Those who train the same network on the same data: skrnn, loops in PyTorch, and other packages.

The network is one recurrent layer and a linear map of its last state to one output; the loss is the squared error,
the solver Adam with step size 1e-3, and each epoch visits the windows in a new order. Peers keep their own defaults
in all else. skrnn clips the norm of the gradient, which the others do not. The default estimator also has a linear
map of the windows, and holds a tenth of them out, of which it measures the loss after each epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch
from _common import quiet_fit, seconds
from torch import nn

import skrnn

Epoch = Callable[[], float]  # trains for one epoch and says how many seconds that took

CELLS = ("GRU", "LSTM", "RNN")
N_GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
FOREVER = 10**9  # epochs without improvement before skrnn stops
FEWEST = 2  # batches of an epoch


@dataclass(frozen=True)
class Case:
    """A network and its data: some full batches of random windows."""

    cell: str
    steps: int
    channels: int
    hidden: int
    batch: int
    n_batches: int = 1
    dtype: str = "float32"
    device: str = "cpu"

    @property
    def n_windows(self) -> int:
        return self.batch * self.n_batches

    @property
    def flop(self) -> float:
        """Floating-point operations in the products of a training step.

        Of inputs, of states, and for their weights' gradients; backwards only the states have a gradient.
        """
        width = N_GATES[self.cell] * self.hidden
        return 2.0 * self.batch * (self.steps * width * (3 * self.hidden + 2 * self.channels) + 3 * self.hidden)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Windows (n, steps, channels) and targets (n,)."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.n_windows, self.steps, self.channels))
        return X.astype(self.dtype), rng.normal(size=self.n_windows).astype(self.dtype)

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The same on the device, with targets (n, 1)."""
        X, y = self.arrays()
        return torch.from_numpy(X).to(self.device), torch.from_numpy(y[:, None]).to(self.device)

    def series(self) -> np.ndarray:
        """A series (n + steps, channels) of which as many windows can be cut."""
        values = np.random.default_rng(0).normal(size=(self.n_windows + self.steps, self.channels))
        return values.astype(self.dtype)


class Network(nn.Module):
    """The network in plain PyTorch."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.layer = getattr(nn, case.cell)(case.channels, case.hidden, batch_first=True)
        self.head = nn.Linear(case.hidden, 1)
        self.to(device=case.device, dtype=getattr(torch, case.dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.layer(x)
        return self.head(states[:, -1])


def on_threads(n_threads: int, work: Callable[[], float]) -> Callable[[], float]:
    """A call with so many threads for torch, which is also what skrnn goes by."""

    def run() -> float:
        torch.set_num_threads(n_threads)
        return work()

    return run


def skrnn_fits(case: Case, n_threads: int, *, plain: bool) -> dict[int, Callable[[], float]]:
    """Seconds of whole fits of one epoch and of several, by the number of epochs.

    Of what the others do too if ``plain``, else of the default estimator, without the trials before training and the
    second training on all windows.
    """
    X, y = case.arrays()
    options = {"batch_size": case.batch, "learning_rate_init": 1e-3, "tol": 0, "n_iter_no_change": FOREVER}
    options["segment_size"] = 1
    if plain:
        options |= {"linear_skip": False, "anchor": None, "early_stopping": False}
    else:
        options |= {"early_stopping": True, "refit": False}

    def fit(n_epochs: int, n_windows: int | None = None) -> float:
        estimator = getattr(skrnn, f"{case.cell}Regressor")(
            case.hidden, max_iter=n_epochs, device=case.device, **options
        )
        return seconds(lambda: quiet_fit(estimator, X[:n_windows], y[:n_windows]))

    fit(1, 8)  # compiles, the first time on a machine
    return {n: on_threads(n_threads, partial(fit, n)) for n in (1, 4 if case.n_batches == FEWEST else 12)}


def skrnn_epochs(fits: dict[int, list[float]]) -> tuple[list[float], float]:
    """Seconds of an epoch in each round, and seconds of set-up, from those of ``skrnn_fits``.

    The set-up is what a fit takes besides its epochs, the slower start of the first one included: the median over all
    rounds, at most the shortest fit. An epoch is its share of what the two fits of a round took besides.
    """
    (_, one), (n_epochs, several) = fits.items()
    set_up = median((n_epochs * a - b) / (n_epochs - 1) for a, b in zip(one, several, strict=True))
    set_up = min(max(set_up, 0.0), min(one + several))
    return [(a + b - 2 * set_up) / (1 + n_epochs) for a, b in zip(one, several, strict=True)], set_up


def torch_loader(case: Case) -> Epoch:
    """PyTorch as its tutorials have it: batches come from a DataLoader."""
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(*case.tensors()), batch_size=case.batch, shuffle=True)
    return _torch_epoch(case, lambda: loader)


def torch_direct(case: Case) -> Epoch:
    """PyTorch where batches are picked by index from the tensors, and one call updates all weights."""
    X, y = case.tensors()

    def batches():
        order = torch.randperm(len(X), device=X.device)
        return ((X[rows], y[rows]) for rows in order.split(case.batch))

    return _torch_epoch(case, batches, fused=True)


def _torch_epoch(case: Case, batches, *, fused: bool = False) -> Epoch:
    network, loss = Network(case), nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused or None)

    def epoch() -> None:
        for x, y in batches():
            optimizer.zero_grad()
            loss(network(x), y).backward()
            optimizer.step()
        if case.device != "cpu":
            torch.cuda.synchronize()

    return lambda: seconds(epoch)


def skorch(case: Case) -> Epoch:
    from skorch import NeuralNetRegressor

    X, y = case.arrays()
    net = NeuralNetRegressor(
        Network(case),
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=case.batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).initialize()
    return lambda: seconds(lambda: net.partial_fit(X, y[:, None], epochs=1))


def keras(case: Case) -> Epoch:
    """Keras 3 on the backend that the environment variable KERAS_BACKEND names."""
    from keras import Sequential, callbacks, layers, optimizers

    layer = {"GRU": layers.GRU, "LSTM": layers.LSTM, "RNN": layers.SimpleRNN}[case.cell]
    model = Sequential([layer(case.hidden, dtype=case.dtype), layers.Dense(1, dtype=case.dtype)])
    model.compile(optimizer=optimizers.Adam(1e-3), loss="mean_squared_error")
    start, stop, elapsed = _stopwatch()
    options = {"batch_size": case.batch, "epochs": 1, "shuffle": True, "verbose": 0}
    watch = callbacks.LambdaCallback(on_epoch_begin=start, on_epoch_end=stop)
    X, y = case.arrays()
    model.fit(X[: case.batch], y[: case.batch], **options)  # traces or compiles

    def epoch() -> float:
        model.fit(X, y, callbacks=[watch], **options)
        return elapsed()

    return epoch


def darts(case: Case) -> Epoch:
    """Darts' BlockRNNModel: the first channel is the target, the others are past covariates."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel
    from pytorch_lightning.callbacks import LambdaCallback

    start, stop, elapsed = _stopwatch()
    watch = LambdaCallback(on_train_epoch_start=start, on_train_epoch_end=stop)
    model = BlockRNNModel(
        input_chunk_length=case.steps,
        output_chunk_length=1,
        model=case.cell,
        hidden_dim=case.hidden,
        n_rnn_layers=1,
        batch_size=case.batch,
        optimizer_kwargs={"lr": 1e-3},
        pl_trainer_kwargs={"accelerator": "cpu", "callbacks": [watch]},
    )
    values = case.series()
    target = TimeSeries.from_values(values[:, :1])
    covariates = TimeSeries.from_values(values[:, 1:]) if case.channels > 1 else None

    def epoch() -> float:
        model.fit(target, past_covariates=covariates, epochs=1, verbose=False)
        return elapsed()

    return epoch


def neuralforecast(case: Case) -> Epoch | None:
    """neuralforecast, in single precision only; its head is two linear maps, the first to one number."""
    import pandas as pd
    from neuralforecast import NeuralForecast, models
    from neuralforecast.losses.pytorch import MSE
    from pytorch_lightning.callbacks import LambdaCallback

    if case.dtype != "float32":
        return None
    start, stop, elapsed = _stopwatch()
    others = [f"x{i}" for i in range(1, case.channels)]
    model = getattr(models, case.cell)(
        h=1,
        input_size=case.steps,
        encoder_n_layers=1,
        encoder_hidden_size=case.hidden,
        decoder_layers=2,
        decoder_hidden_size=1,
        hist_exog_list=others or None,
        loss=MSE(),
        learning_rate=1e-3,
        max_steps=case.n_batches,
        val_check_steps=case.n_batches,
        batch_size=1,  # series
        windows_batch_size=case.batch,
        scaler_type="identity",
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[LambdaCallback(on_train_start=start, on_train_end=stop)],
    )
    frame = pd.DataFrame(case.series(), columns=["y", *others])
    frame = frame.assign(unique_id="a", ds=np.arange(len(frame)))
    forecaster = NeuralForecast([model], freq=1)

    def epoch() -> float:
        forecaster.fit(frame)
        return elapsed()

    return epoch


def _stopwatch() -> tuple[Callable[..., None], Callable[..., None], Epoch]:
    """Functions for callbacks: start, stop, and the seconds between. No object, since packages copy those."""
    moments = {}

    def start(*_) -> None:
        moments["start"] = time.perf_counter()

    def stop(*_) -> None:
        moments["stop"] = time.perf_counter()

    return start, stop, lambda: moments["stop"] - moments["start"]


def matrix_products(case: Case) -> Epoch:
    """The matrix products of the cell in an epoch, forward, backward and for the gradients, and nothing else.

    The step is timed some times, and its median counts for each batch. Each time step has its own product forward
    and backward; the gradients of the weights and the projection of the inputs are one product for all steps.
    """
    batch, hidden, rows = case.batch, case.hidden, case.batch * case.steps
    width = N_GATES[case.cell] * hidden

    def matrix(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=getattr(torch, case.dtype))

    state, weight, gates = matrix(batch, hidden), matrix(hidden, width), matrix(batch, width)
    gate_slope, state_slope = matrix(batch, width), matrix(batch, hidden)
    inputs, states, slopes = matrix(rows, case.channels), matrix(rows, hidden), matrix(rows, width)
    input_weight, projected = matrix(case.channels, width), matrix(rows, width)
    gradient, input_gradient = matrix(width, hidden), matrix(width, case.channels)

    def step() -> None:
        torch.mm(inputs, input_weight, out=projected)
        for _ in range(case.steps):
            torch.mm(state, weight, out=gates)
        for _ in range(case.steps):
            torch.mm(gate_slope, weight.T, out=state_slope)
        torch.mm(slopes.T, states, out=gradient)
        torch.mm(slopes.T, inputs, out=input_gradient)

    return lambda: case.n_batches * median(seconds(step) for _ in range(min(case.n_batches, 20)))


def peak_rate(size: int, dtype: str) -> float:
    """Floating-point operations in a second of a large product: the best of some."""
    a, b = torch.randn(2, size, size, dtype=getattr(torch, dtype))
    out = torch.empty_like(a)
    return 2 * size**3 / min(seconds(lambda: torch.mm(a, b, out=out)) for _ in range(4))


PEERS: dict[str, Callable[[Case], Epoch | None]] = {
    "torch loader": torch_loader,
    "torch direct": torch_direct,
    "skorch": skorch,
    "Keras": keras,
    "Darts": darts,
    "neuralforecast": neuralforecast,
}
