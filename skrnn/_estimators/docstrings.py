"""What the faces say alike: one entry for each parameter and attribute, and the decorator that puts them in place."""

from __future__ import annotations

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
    Normalise what enters each layer above the first and what enters the output. "batch": each column over the
    sequences and observed steps of a batch, in prediction by running statistics; "layer": each step over its
    columns. The first layer reads channels that are standardised anyway. "batch" needs batches of more than one
    sequence: ``batch_size=1`` is an error, and a size that would leave a last batch of one is raised until it does not.
pooling : {"last", "mean", "max", "attention"}, default="last"
    What the output reads of the top layer: the state after the last step (of each direction), or the mean, the
    largest values or a mean with learnt weights (additive attention) over the steps that are not skipped. Must be
    "last" with ``return_sequences=True``.
segment_size : int, default=1
    How many steps the first layer reads at a time, side by side. Must divide the number of steps of X. A window of
    several seasons read in segments of one season is read many times faster, and often better: the layers then step
    from season to season. What is missing in a segment counts as the mean of its channel; a segment of nothing but
    skipped steps is skipped. With ``pooling`` the steps are segments. Must be 1 with ``return_sequences=True``.
linear_skip : bool or int, default=True
    Add a linear map of all steps (True), or of so many of the last ones, to what the recurrent layers answer; at most
    2,500 numbers are read, those of the last steps. A sequence begins and ends with an observed step: padding with NaN
    in front of it or behind it changes nothing. Missing steps between count as the mean of the others of the sequence.
    Ignored with ``return_sequences=True``.

    Regressors start from a linear forecast: ridge regression in closed form, with the penalty that generalised
    cross-validation chooses. With "absolute_error", "huber" and "quantile", errors and values of X far outside the
    others hardly count in it. What is trained adds to it, starting from nothing; the biases of the output start where
    the loss of its errors is least, for instance at their quantiles. The loss, ``loss_curve_``, ``tol`` and
    ``delta`` are then in units of the linear forecast's errors. With early stopping, the linear forecast stays alone
    unless the loss of the held-out sequences falls by more than two standard errors; alone, it is fitted once more, on
    all sequences but those of ``X_val``. ``partial_fit`` keeps the linear forecast of its first call.

    A channel that holds the past of a target, which is found where later sequences hold earlier targets, is measured
    from its last value, for the layers too, and so is the target; of several targets that vary, all must have such a
    channel. Sequences in which steps are missing there, as at the start of a series, are left out of training where
    they are no more than a tenth of all; else those that miss all steps.

    With 200 sequences or more, the last quarter of them decides on two exceptions; held-out sequences are among these,
    but not those of ``X_val``. The last value itself counts in the linear forecast if the error is lower with it by
    more than three standard errors. The layers read values in the place of differences if an ensemble of trees learns
    what the linear forecast leaves better from these, by more than one standard error.

    With ``loss="poisson"``, losses that are not equivariant and for classifiers the map starts where the loss is least,
    with half of the sum of its squared weights as penalty beside the sum of the losses: for log loss that is
    scikit-learn's ``LogisticRegression``. In that sum sample weights have mean 1, and equal samples are one sample.
missing : {"skip", "indicator"}, default="skip"
    What NaN in X means. "skip": a step that contains NaN is skipped, the state is carried over. "indicator": a step
    is skipped only if all its channels are NaN; else the missing ones count as 0 in standardised units, their mean,
    and one more channel is 1 at such steps and 0 at others.
return_sequences : bool, default=False
    Predict one answer for each step instead of one for each sequence; y then has an axis of steps.
loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson", "gaussian"}, callable or object, \
default="squared_error"
    What is minimised. The answer is the mean ("squared_error"), the median ("absolute_error"), a compromise that
    outliers move little ("huber"), quantiles ("quantile"), the mean of counts or other targets that are not
    negative ("poisson", through an exponential), or mean and standard deviation ("gaussian", see ``return_std`` of
    ``predict``). For the second to the fourth, X and y are standardised by medians and by the width of the central half
    of the values, so that single outliers do no harm. A function ``loss(y_true, y_pred)`` gets tensors of shape
    (n, n_outputs) in the units of y and gives one value for each row, of shape (n,). An object can do more; the page
    on losses in the documentation tells what it must have. Both are tried out in ``fit``.
loss : {"log_loss"} or object, default="log_loss"
    What is minimised. The page on losses in the documentation tells what an object must have.
class_weight : dict, "balanced" or None, default=None
    Factors on the weights of the samples, or of the steps, of each class: ``{label: factor}``, 1 for labels that
    are not named. "balanced" gives all classes the same total weight.
quantile : float or tuple of float, default=0.5
    Level or increasing levels in (0, 1) to predict. With several, ``predict`` gives the one nearest to 0.5 (the
    lower of two) and ``predict_quantiles`` all. Ignored unless ``loss="quantile"``.
delta : float, default=1.0
    Error above which the loss is linear, in units of standardised targets. Ignored unless ``loss="huber"``.
solver : {"adam", "adamw", "rmsprop", "sgd"}, default="adam"
    Optimiser, as in ``torch.optim``.
learning_rate : {"constant", "cosine", "adaptive"}, default="constant"
    Step size over the epochs: ``learning_rate_init`` throughout; half a cosine from there to 0 at ``max_iter``; or
    divided by 5 each time that the watched loss stalls for ``n_iter_no_change`` epochs, until it is a millionth,
    instead of stopping. With "cosine", a stalled loss brings the end near: what is left of the cosine passes in
    ``n_iter_no_change`` epochs; either end counts as convergence. "cosine" is "constant" in ``partial_fit``.
learning_rate_init : float, default=0.001
    Step size of the solver.
momentum : float, default=0.9
    Momentum in [0, 1). Ignored unless ``solver="sgd"``.
weight_decay : float, default=0.0
    Weight decay of the solver: a penalty on the squared weights, or with "adamw" a decay apart from the gradient.
clip_norm : float or None, default=5.0
    Largest norm of the gradient of a batch; longer ones are shortened to it. None clips nothing.
batch_size : int or "auto", default="auto"
    Number of sequences in a batch; "auto" is ``n_samples // 60``, but at least 64 and at most 200.
max_iter : int, default=100
    Largest number of epochs.
shuffle : bool, default=True
    Shuffle the sequences before each epoch.
tol : float, default=1e-4
    Smallest fall of the watched loss that counts, in units of the loss of standardised targets. Where the loss of
    held-out sequences is watched and is below 1, this share of it.
n_iter_no_change : int, default=10
    Training stops when the watched loss has not fallen by ``tol`` for more than this many epochs in a row; see
    ``learning_rate`` for what comes before the end.
early_stopping : bool or "auto", default="auto"
    Watch the loss of held-out sequences instead of the training loss, and return the weights of the best epoch. "auto"
    does so from 1,000 sequences on, or where ``X_val`` is passed; not in ``partial_fit``. With ``loss="quantile"`` and
    "gaussian" it does so from 100 on: long training without held-out sequences makes spreads too small.
validation_fraction : float, default=0.1
    Share of the sequences to hold out: the last ones; for classifiers the last ones of each class, unless
    ``return_sequences=True``. With k targets in a row the k - 1 sequences before them are left out. Ignored without
    early stopping, and where ``X_val`` is passed.
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
    If not 0, show a progress bar with the losses.
"""

_ATTRIBUTES = """
classes_ : ndarray of shape (n_classes,)
    Labels, sorted.
loss_curve_ : list of float
    Mean training loss of each epoch, of standardised targets or, see ``linear_skip``, in units of the linear forecast's
    errors.
validation_loss_curve_ : list of float or None
    Loss of the held-out sequences after each epoch; None where the last call of ``fit`` had no early stopping.
loss_ : float
    Training loss of the last epoch.
best_loss_ : float
    Lowest watched loss of the last call of ``fit`` or ``partial_fit``; that of the linear forecast where this stayed as
    it was, see ``linear_skip``.
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
    attributes = [entry for entry in _entries(_ATTRIBUTES) if "class_weight" in signature or "classes_" not in entry]
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
    """A copy of a function by another name, which Python's errors of wrong arguments tell."""
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
        name = head.partition(" ")[0]
        default = signature[name].default if name in signature else None
        if name in signature and (not isinstance(default, str) or head.endswith(f'default="{default}"')):
            found[name] = entry
    return [found[name] for name in signature]


def _section(title: str, entries: list[str]) -> str:
    return "\n".join([title, "-" * len(title), *entries])
