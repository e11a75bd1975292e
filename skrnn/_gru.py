"""The GRU estimators."""

from __future__ import annotations

from skrnn._regressor import RecurrentRegressor


class GRURegressor(RecurrentRegressor):
    """Regression on sequences with gated recurrent units.

    For each step with input x and state h, the layer computes

    | r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
    | z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
    | n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    | h <- (1 - z) * n + z * h

    and the output is a linear map of the state after the last step.

    Parameters
    ----------
    hidden_size : int, default=32
        Number of units in each layer and direction.
    num_layers : int, default=1
        Number of layers, each reading the states of the one below.
    bidirectional : bool, default=False
        Read each sequence in both directions, which doubles the width of a layer.
    dropout : float, default=0.0
        Share of the numbers that are set to 0 while training, between layers and before the output; in [0, 1).
    loss : {"squared_error", "absolute_error"} or object, default="squared_error"
        What is minimised: the first predicts the mean, the second the median. An object must have the methods
        ``width``, ``__call__`` and ``predict`` and the attribute ``equivariant`` of the losses in ``skrnn._losses``.
    solver : {"adam", "adamw", "rmsprop", "sgd"}, default="adam"
        Optimiser, as in ``torch.optim``.
    learning_rate_init : float, default=0.005
        Step size of the solver.
    momentum : float, default=0.9
        Momentum in [0, 1). Ignored unless ``solver="sgd"``.
    weight_decay : float, default=0.0
        Weight decay of the solver: a penalty on the squared weights, or with "adamw" a decay apart from the gradient.
    clip_norm : float or None, default=5.0
        Largest norm of the gradient of a batch; longer ones are shortened to it. None clips nothing.
    batch_size : int or "auto", default="auto"
        Number of sequences in a batch; "auto" is ``min(200, n_samples)``.
    max_iter : int, default=100
        Largest number of epochs.
    shuffle : bool, default=True
        Shuffle the sequences before each epoch.
    tol : float, default=1e-4
        Smallest fall of the watched loss that counts, in units of the loss of standardised targets.
    n_iter_no_change : int, default=10
        Training stops when the watched loss has not fallen by ``tol`` for more than this many epochs in a row.
    early_stopping : bool, default=False
        Watch the loss of held-out sequences instead of the training loss, and return the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the sequences to hold out: the last ones. With k targets in a row the k - 1 sequences before them are
        left out. Ignored unless ``early_stopping=True``, and where ``X_val`` is passed.
    warm_start : bool, default=False
        Go on from the weights of the last fit. The parameters that shape the network must be the same. Ignored by
        ``partial_fit``, which always goes on.
    n_channels : int or "auto", default="auto"
        How a row of a two-dimensional X is cut into steps: it holds ``n_steps * n_channels`` numbers, oldest step
        first, the channels of a step side by side. "auto" reads it from the column names that
        ``SlidingWindowTransformer(flatten=True)`` gives, and is 1 without them. Ignored if X has three dimensions.
    device : {"auto", "cpu", "cuda", "cuda:<n>"}, default="cpu"
        Where to compute. Small networks are fastest on the CPU; "auto" takes CUDA where there is one. Also
        read by ``predict``.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the arithmetic. "auto" follows X on the CPU and is "float32" on CUDA.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the order of the sequences and dropout. With an int, fits on one machine with one
        number of threads are equal to the bit.
    verbose : int or bool, default=0
        If not 0, show a progress bar with the losses.

    Attributes
    ----------
    loss_curve_ : list of float
        Mean training loss of each epoch, of standardised targets.
    validation_loss_curve_ : list of float or None
        Loss of the held-out sequences after each epoch; None without ``early_stopping``.
    loss_ : float
        Training loss of the last epoch.
    best_loss_ : float
        Lowest watched loss of the last call of ``fit`` or ``partial_fit``.
    n_iter_ : int
        Number of epochs, those of earlier fits with ``warm_start`` and of ``partial_fit`` included.
    n_features_in_ : int
        Number of channels if X has three dimensions, else of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X is a data frame whose column names are all strings.
    n_outputs_ : int
        Number of targets.

    See Also
    --------
    SlidingWindowTransformer : Makes the sequences in a pipeline.
    LSTMRegressor : The same with long short-term memory.
    RNNRegressor : The same with a simple recurrent layer.

    Notes
    -----
    Each channel of X and each target is standardised inside ``fit``, so that units do not matter and no scaler is
    needed. A step that contains NaN is skipped: the state is carried over, so that short sequences can be padded with
    NaN in front. A two-dimensional X is a set of unrolled sequences, one in each row; a raw table of a series
    is not: put a ``SlidingWindowTransformer`` in front.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. The form with the reset gate behind the product is that of ``torch.nn.GRU``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import GRURegressor, SlidingWindowTransformer
    >>> series = pd.DataFrame({"load": [1.0, 2.0] * 20})
    >>> model = make_pipeline(SlidingWindowTransformer(3, horizon=1), GRURegressor(random_state=0))
    >>> model.fit(series, series["load"]).predict(series.tail(2)).round()
    array([1., 2.])
    """

    _layer = "torch.nn.GRU"
