"""What the faces say alike: one entry for each parameter and attribute, and the decorator that puts them in place."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any, TypeVar

_Face = TypeVar("_Face", bound=type)

_PARAMETERS = """
hidden_size : int, default=32
    Number of units in each layer and direction.
nonlinearity : {"tanh", "relu"}, default="tanh"
    Function that makes the new state.
num_layers : int, default=1
    Number of layers, each reading the states of the one below.
bidirectional : bool, default=False
    Read each sequence in both directions, which doubles the width of a layer.
dropout : float, default=0.0
    Share of the numbers that are set to 0 while training, between layers and before the output; in [0, 1).
norm : {"batch", "layer"} or None, default=None
    Normalise what enters each layer above the first, and what enters the output. "batch": each column, over the
    sequences and observed steps of a batch; in prediction by running statistics. "layer": each step, over its columns.
    "batch" needs batches of more than one sequence: ``batch_size=1`` is an error, and a size that would leave a last
    batch of one is raised until it does not.
pooling : {"last", "mean", "max", "attention"}, default="last"
    What the output reads of the top layer. "last": the state after the last step, of each direction. "mean", "max":
    the mean or the largest values of the steps that are not skipped. "attention": a mean of them with learnt weights
    (additive attention). Ignored with ``return_sequences=True``.
pooling : {"last", "mean", "max", "attention"}, default="max"
    What the output reads of the top layer. "last": the state after the last step, of each direction. "mean", "max":
    the mean or the largest values of the steps that are not skipped. "attention": a mean of them with learnt weights
    (additive attention). Ignored with ``return_sequences=True``.
segment_size : "auto" or int, default="auto"
    Number of steps that the first layer reads at a time, side by side; it must divide the number of steps of X. With
    "auto", one network reads step by step and another up to 12 steps at a time (a third of the window at most). The
    one with the lower loss of the held-out samples after 30 epochs, or a quarter of ``max_iter``, is trained in full,
    and ``segment_size_`` names it; it is 1 without held-out samples and with ``max_iter`` below 40. What is missing in
    a segment counts as the mean of its channel; a segment of nothing but skipped steps is skipped. ``pooling`` then
    pools segments. With ``return_sequences=True`` it is 1.
linear_skip : bool or int, default=True
    Add a linear map of the steps to the answer of the recurrent layers: of all steps (True), of this many of the last
    ones (int), or of none (False). Training starts from the best linear answer, a ridge regression for squared error,
    and the layers add nothing to it at first. The map is then trained with all other weights; see ``linear_coef_`` and
    ``predict(X, linear_only=True)``. A missing step counts as the mean of the others of its sequence. The map reads
    2,500 numbers at most, those of the last steps. Ignored with ``return_sequences=True``.
linear_skip : "auto", bool or int, default="auto"
    Add a linear map of the steps to the answer of the recurrent layers: of all steps (True), of this many of the last
    ones (int), or of none (False). Training then starts from a logistic regression of the steps, and the layers add
    nothing to it at first. "auto" trains a network without the map, and answers with the mean of the outputs of this
    network and of the logistic regression. Where one of the two has a far lower loss of the held-out samples than
    their mean, it answers alone: ``linear_steps_`` is 0 if that is the network, ``uses_recurrence_`` False if it is
    the regression. If no samples are held out, "auto" is False. A missing step counts as the mean of the others of its
    sequence. Ignored with ``return_sequences=True``.
anchor : {"auto", "last"} or None, default="auto"
    What sequences and targets are measured from. If a channel of X holds the past of the target, its last value is
    subtracted from this channel and from the target, and added to the answer. "auto": the layers also read the values
    of this channel as they are. "last": they read the changes only; without such a channel, ``fit`` raises an error.
    None: nothing is subtracted. Changes of more than twice the largest that were learnt from, as behind a jump of the
    level, are read as twice the largest. The channel is the one in which later sequences hold earlier targets, so the
    rows must be in the order of time; ``anchor_`` names it. Ignored with ``return_sequences=True``, for losses whose
    answers do not move with y ("poisson", functions, objects that are not equivariant), and "auto" with
    ``linear_skip=False`` and without ``scaling``.
scaling : {"mean", "std"} or None, default=None
    In what sequences and targets are measured, where series are alike but for their size. The changes from the anchor
    are divided, and the answer multiplied, by the size of what this sequence holds of the past of the target: "mean",
    the mean of the absolute values, or "std", their standard deviation. So a series that is multiplied gets the same
    answers, multiplied, and all series count alike in the loss. The layers read the changes only, as with
    ``anchor="last"``. A sequence whose past is constant ("mean": 0) gets its last value, and ``fit`` learns nothing
    from it. Without an anchor ``fit`` warns, and nothing is scaled; ``scaling_`` tells.
missing : {"skip", "indicator"}, default="skip"
    What NaN in X means. "skip": a step that contains NaN is skipped, the state is carried over. "indicator": a step
    is skipped only if all its channels are NaN. Otherwise a missing one counts as the mean of its channel in ``fit``,
    and one more channel is 1 at such steps and 0 at others.
return_sequences : bool, default=False
    Predict one answer for each step instead of one for each sequence; y then has an axis of steps.
loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson", "gaussian"}, callable or object, \
default="squared_error"
    What is minimised. The answer is the mean ("squared_error"; "poisson" if targets are not negative, such as counts;
    "gaussian", with a standard deviation), the median ("absolute_error"), between the two ("huber"), or quantiles
    ("quantile"). With the median, "huber" and quantiles, single outliers in X or y do no harm. A function
    ``loss(y_true, y_pred)`` gets tensors of shape (n, n_outputs) in the units of y and returns one value for each row,
    of shape (n,). An object can do more, see the page on losses in the documentation.
loss : {"log_loss"} or object, default="log_loss"
    What is minimised. The page on losses in the documentation says what an object must have.
class_weight : dict, "balanced" or None, default=None
    Factors on the weights of the samples, or of the steps, of each class: ``{label: factor}``, 1 for labels that
    are not named. "balanced" gives all classes the same total weight.
quantile : float or tuple of float, default=0.5
    Level or increasing levels in (0, 1) to predict. With several, ``predict`` gives the one nearest to 0.5 (the
    lower of two) and ``predict_quantiles`` all. Ignored unless ``loss="quantile"``.
delta : float, default=1.0
    Error above which the loss is linear, in the units of the losses (see ``loss_curve_``). Ignored unless
    ``loss="huber"``.
solver : {"adam", "adamw", "rmsprop", "sgd"}, default="adam"
    Optimiser, as in ``torch.optim``.
learning_rate : {"constant", "cosine", "adaptive"}, default="cosine"
    Step size over the epochs. "constant": ``learning_rate_init``; training ends when the watched loss stalls, see
    ``n_iter_no_change``. "cosine": half a cosine, from ``learning_rate_init`` to 0 at ``max_iter``; when the loss
    stalls, the rest of it passes in ``n_iter_no_change`` epochs. Either end counts as convergence. "adaptive": divided
    by 5 when the loss stalls, down to a millionth. In ``partial_fit``, "cosine" is "constant".
learning_rate_init : float, default=0.005
    Step size of the first epoch.
momentum : float, default=0.9
    Momentum in [0, 1). Ignored unless ``solver="sgd"``.
weight_decay : float, default=0.0
    Weight decay of the solver: a penalty on the squared weights, or with "adamw" a decay apart from the gradient. It
    pulls the linear map to its start (see ``linear_skip``), and all other weights to 0.
clip_norm : float or None, default=5.0
    Largest norm of the gradient of a batch. A longer gradient is shortened to it. None shortens nothing.
batch_size : int or "auto", default="auto"
    Number of sequences in a batch; "auto" is ``n_samples // 60``, but at least 64 and at most 200.
max_iter : int, default=200
    Largest number of epochs.
shuffle : bool, default=True
    Shuffle the sequences before each epoch.
tol : float, default=1e-4
    Smallest fall of the watched loss that counts: as a share of the size of the lowest loss so far, or of 1 if that
    loss is larger.
n_iter_no_change : int, default=30
    The watched loss has stalled when it has not fallen by ``tol`` for more than this many epochs in a row. What
    follows, ``learning_rate`` says: with the default, a last part of as many epochs.
early_stopping : bool or "auto", default="auto"
    Hold out some samples and watch their loss instead of the training loss, to find the best epoch; the start, before
    the first one, counts as epoch 0. See ``refit`` for the weights that stay. "auto" does so from 40 samples on, or if
    ``X_val`` is passed. False trains on all samples and keeps the last weights; with "quantile" and "gaussian", three
    more networks, each trained without a third of the samples, then say how wide the spread must be. ``partial_fit``
    holds nothing out, and refuses True.
validation_fraction : float, default=0.1
    Share of the samples to hold out: the last ones, for classifiers the last ones of each class (the last ones of all
    with ``return_sequences=True``). With k targets, the k - 1 samples before them are left out. Ignored without early
    stopping, and if ``X_val`` is passed.
refit : bool, default=True
    Train anew on all samples, for as many epochs as were best for the held-out ones, at the same step sizes; with
    ``learning_rate="cosine"`` they then fall to zero, in an eighth more epochs. Both trainings begin from the units and
    the linear start of all samples. That takes up to twice as long, and helps most with few samples or if the last ones
    are the most telling. False keeps the weights of the best epoch, and learns nothing from held-out samples. Ignored
    if nothing is held out, if ``X_val`` is passed, and with ``warm_start=True``: what is held out then must not have
    been trained on.
warm_start : bool, default=False
    Go on from the weights of the last fit. The parameters that shape the network must be the same. Ignored by
    ``partial_fit``, which always goes on.
n_channels : int or "auto", default="auto"
    How a row of a two-dimensional X is cut into steps: it holds ``n_steps * n_channels`` numbers, oldest step
    first, the channels of a step side by side. "auto" reads it from the column names that
    ``SlidingWindowTransformer(flatten=True)`` gives, and is 1 without them. Ignored if X has three dimensions.
device : {"auto", "cpu", "cuda", "cuda:<n>"}, default="cpu"
    Where to compute. Small networks are fastest on the CPU; "auto" takes CUDA where there is one. Also read by
    ``predict``.
dtype : {"auto", "float32", "float64"}, default="auto"
    Precision of the arithmetic. "auto" follows X on the CPU and is "float32" on CUDA.
random_state : int, RandomState instance or None, default=None
    Draws the first weights, the order of the sequences and dropout. With an int, fits on one machine with one
    number of threads are equal to the bit.
verbose : int or bool, default=0
    If not 0, show a progress bar with the losses. It counts the epochs of one training, which may end before
    ``max_iter``; the second training of ``refit`` and those that correct a spread, see ``early_stopping``, follow
    without a bar.
callbacks : callable, list of callable or None, default=None
    Functions ``f(epoch, losses, estimator)`` to call after each epoch: with the number of epochs so far, as ``n_iter_``
    counts them; a dict of "loss" and, if samples are held out, "validation_loss"; and a fitted copy of the estimator
    with the weights of this moment, to predict with or to save. One that returns True ends training as if ``max_iter``
    were reached. An error that one raises leaves the estimator as it was. The trials of ``segment_size="auto"`` and
    the second training of ``refit`` are not watched, and the copy lacks the mean of ``linear_skip="auto"``. Clones
    share the functions. The callbacks of scikit-learn >= 1.9 go to ``set_callbacks``.
"""

_ATTRIBUTES = """
classes_ : ndarray of shape (n_classes,)
    Labels, sorted.
anchor_ : ndarray of shape (n_outputs,) or None
    Channel of X from whose last value each output is measured; -1 for an output that never changed in ``fit``. None if
    there is no such channel, see ``anchor``.
scaling_ : {"mean", "std"} or None
    In what sequences and targets are measured: ``scaling``, or None if there is no anchor.
best_epoch_ : int
    Number of epochs that were best, which ``refit`` repeats; all of them if nothing is held out. 0: no epoch was better
    than the start, or than the linear answer of ``linear_skip="auto"``.
uses_recurrence_ : bool
    Whether the recurrent layers take part in the answers. False where the linear start stays (see ``linear_skip``).
segment_size_ : int
    Number of steps that the first layer reads at a time.
linear_steps_ : int
    Number of the last steps that the linear map reads; 0 if there is none.
linear_coef_ : ndarray of shape (n_outputs, n_steps, n_channels)
    Linear part of the answers, in the units of X and y. If no step is missing, ``predict(X, linear_only=True)`` is the
    sum of ``linear_coef_ * X`` over the last n_steps, oldest first, plus ``linear_intercept_``; with ``scaling``, that
    of a sequence of size 1. For "poisson" it is the part of the log of the mean, in units of the mean of y; for
    functions that of standardised targets; for classifiers that of ``decision_function``. Several quantiles have one
    output for each level.
linear_intercept_ : ndarray of shape (n_outputs,)
    See ``linear_coef_``.
weights_ : dict of str to ndarray
    All weights, by the names that torch gives them, in the units of the network. A copy.
n_parameters_ : int
    Number of weights.
initial_loss_ : float
    Watched loss before the first epoch, to compare with ``validation_loss_curve_``, or with ``loss_curve_`` if no
    samples are held out.
loss_curve_ : list of float
    Mean training loss of each epoch; with held-out samples, of the training that these watched. Its units: the linear
    start has a squared error of 1 on its own samples (with ``linear_skip=False``, the mean of y has). For
    "poisson", y is in units of its mean; for functions, the mean of y has a loss of 1; for classifiers it is log loss.
validation_loss_curve_ : list of float or None
    Loss of the held-out samples after each epoch; None if the last call of ``fit`` held none out.
loss_ : float
    Training loss of the last epoch.
best_loss_ : float
    Lowest watched loss of the last call of ``fit`` or ``partial_fit``; for the mean that ``linear_skip="auto"`` makes,
    that of the mean. Of the second training of ``refit`` no loss is watched.
n_iter_ : int
    Number of epochs, those of earlier fits with ``warm_start`` and of ``partial_fit`` included.
n_features_in_ : int
    Number of channels if X has three dimensions, else of columns.
feature_names_in_ : ndarray of shape (n_features,)
    Names of the columns, if X is a data frame whose column names are all strings.
n_outputs_ : int
    Number of targets; for classifiers 1 for two classes, else the number of classes.
"""

_NOTES = """
Each channel of X and each target that is a number is standardised inside ``fit``, so that units do not matter and no
scaler is needed. Steps of NaN are skipped: the state is carried over, so that short sequences can be padded with NaN
in front (``pad_sequences``). A two-dimensional X is a set of unrolled sequences, one in each row; a raw table of a
series is not: put a ``SlidingWindowTransformer`` in front.
"""


def documented(face: _Face) -> _Face:
    """Fill the placeholders {parameters}, {attributes} and {notes} of a face's docstring, and name it in errors."""
    if "__init__" not in vars(face):
        face.__init__ = _copy_named(face.__init__, f"{face.__qualname__}.__init__")  # type: ignore[misc]
    if face.__doc__ is None:  # python -OO
        return face
    signature = inspect.signature(face).parameters
    other = ("anchor_", "scaling_") if "class_weight" in signature else "classes_"
    attributes = [entry for entry in _entries(_ATTRIBUTES) if not entry.startswith(other)]
    sections = {
        "parameters": _section("Parameters", _entries_of(signature)),
        "attributes": _section("Attributes", attributes),
        "notes": f"Notes\n-----\n{_NOTES.strip()}",
    }
    text = inspect.cleandoc(face.__doc__)
    for name, section in sections.items():
        text = text.replace(f"{{{name}}}", section)
    face.__doc__ = text
    return face


def _copy_named(function: Any, name: str) -> FunctionType:
    """A copy of a function by another name, which Python's errors of wrong arguments show."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, None, function.__closure__)
    for attribute in ("__defaults__", "__kwdefaults__", "__annotations__", "__doc__", "__module__"):
        setattr(copy, attribute, getattr(function, attribute))
    copy.__qualname__ = name
    return copy


def _entries(text: str) -> list[str]:
    return re.split(r"\n(?=\w)", text.strip())


def _entries_of(signature: Mapping[str, inspect.Parameter]) -> list[str]:
    """Entries of the parameters, in the order of the signature; of two for one name the one with its default."""
    found = {}
    for entry in _entries(_PARAMETERS):
        head = entry.partition("\n")[0]
        name, default = head.partition(" ")[0], ast.literal_eval(head.rpartition("default=")[2])
        if name in signature and signature[name].default == default:
            found[name] = entry
    return [found[name] for name in signature]


def _section(title: str, entries: list[str]) -> str:
    return "\n".join([title, "-" * len(title), *entries])
