"""The loss classes of Keras. A class takes the arguments of its function, then `reduction`, `name` and `dtype`."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from jkeras.functional import crossentropy, losses
from jkeras.functional.crossentropy import sparse_labels
from jkeras.losses.ctc import ctc
from jkeras.losses.standard import StandardLoss


class MeanSquaredError(StandardLoss, function=losses.mean_squared_error):
    """Mean of `(y_true - y_pred)^2`.

    >>> MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    2.5
    """


class MeanAbsoluteError(StandardLoss, function=losses.mean_absolute_error):
    """Mean of `|y_true - y_pred|`.

    >>> MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
    1.5
    """


class MeanAbsolutePercentageError(StandardLoss, function=losses.mean_absolute_percentage_error):
    """Mean of `100 |y_true - y_pred| / |y_true|`.

    >>> MeanAbsolutePercentageError()([[1.0, 2.0]], [[2.0, 2.0]]).item()
    50.0
    """


class MeanSquaredLogarithmicError(StandardLoss, function=losses.mean_squared_logarithmic_error):
    """Mean of `(log(1 + y_true) - log(1 + y_pred))^2`.

    >>> MeanSquaredLogarithmicError()([[2.0]], [[2.0]]).item()
    0.0
    """


class LogCosh(StandardLoss, function=losses.log_cosh):
    """Mean of `log(cosh(y_pred - y_true))`.

    >>> LogCosh()([[1.0]], [[1.0]]).item()
    0.0
    """


class Huber(StandardLoss, function=losses.huber, name="huber_loss"):
    """Mean of `e^2 / 2` where `|e| <= delta`, and of `delta |e| - delta^2 / 2` beyond; `e = y_pred - y_true`.

    Reference: Huber 1964, Robust estimation of a location parameter.

    >>> Huber(delta=1.0)([[0.0]], [[3.0]]).item()
    2.5
    """


class Hinge(StandardLoss, function=losses.hinge):
    """Mean of `max(1 - y_true y_pred, 0)`.

    >>> Hinge()([[0, 1]], [[-1.0, 0.5]]).item()
    0.25
    """


class SquaredHinge(StandardLoss, function=losses.squared_hinge):
    """Mean of `max(1 - y_true y_pred, 0)^2`.

    >>> SquaredHinge()([[0, 1]], [[-1.0, 0.5]]).item()
    0.125
    """


class CategoricalHinge(StandardLoss, function=losses.categorical_hinge):
    """`max(1 + wrong - right, 0)` of the scores of the best wrong class and the right one.

    >>> CategoricalHinge()([[0, 1]], [[0.25, 0.75]]).item()
    0.5
    """


class CosineSimilarity(StandardLoss, function=losses.cosine_similarity):
    """Minus the cosine between target and prediction.

    >>> CosineSimilarity()([[0.0, 1.0]], [[0.0, 2.0]]).item()
    -1.0
    """


class Dice(StandardLoss, function=losses.dice, order="reduction name axis dtype"):
    """One minus the overlap `2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`.

    >>> round(Dice()([[1.0, 1.0]], [[1.0, 0.0]]).item(), 4)
    0.3333
    """


class Tversky(StandardLoss, function=losses.tversky, order="alpha beta reduction name axis dtype"):
    """Overlap loss `1 - TP / (TP + alpha FN + beta FP)`.

    Reference: Salehi et al. 2017, https://arxiv.org/abs/1706.05721; the weights are where Keras's code has them.

    >>> round(Tversky(alpha=1.0)([[1.0, 1.0]], [[1.0, 0.0]]).item(), 4)
    0.5
    """


class Circle(StandardLoss, function=losses.circle, order="gamma margin remove_diagonal reduction name dtype"):
    """Circle loss of unit-norm embeddings, shape (batch, features), and integer labels, shape (batch,).

    Samples whose label nobody else has are left out, also of the mean's denominator.

    >>> Circle()([0, 0], [[1.0, 0.0], [0.0, 1.0]]).item()
    0.0
    """

    keeps_integer_labels: ClassVar[bool] = True
    remove_diagonal: bool

    def compute_mask(self, y_true: Any, y_pred: Any) -> Any:
        """Return which samples have another of the same label (or, with `remove_diagonal=False`, all of them)."""
        labels = y_true.reshape(-1)
        return jnp.sum(labels[:, None] == labels[None, :], axis=-1) > int(self.remove_diagonal)


class BinaryCrossentropy(StandardLoss, function=crossentropy.binary_crossentropy):
    """Mean of `-y log(p) - (1 - y) log(1 - p)`.

    >>> round(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]).item(), 4)
    0.6931
    """


class BinaryFocalCrossentropy(StandardLoss, function=crossentropy.binary_focal_crossentropy):
    """Binary cross entropy that weights easy samples down by `(1 - p_t)^gamma`.

    Reference: Lin et al. 2018, https://arxiv.org/abs/1708.02002

    >>> round(BinaryFocalCrossentropy()([[1.0]], [[0.5]]).item(), 4)
    0.1733
    """


class CategoricalCrossentropy(StandardLoss, function=crossentropy.categorical_crossentropy):
    """`-sum_c y_c log(p_c)` of one-hot labels.

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """


class CategoricalFocalCrossentropy(StandardLoss, function=crossentropy.categorical_focal_crossentropy):
    """Categorical cross entropy that weights easy samples down by `(1 - p)^gamma`.

    Reference: Lin et al. 2018, https://arxiv.org/abs/1708.02002

    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.0433
    """


class CategoricalGeneralizedCrossEntropy(StandardLoss, function=crossentropy.categorical_generalized_cross_entropy):
    """`(1 - p_y^q) / q` of integer labels: robust to wrong ones.

    Reference: Zhang and Sabuncu 2018, https://arxiv.org/abs/1805.07836

    >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]).item()
    1.0
    """

    keeps_integer_labels: ClassVar[bool] = True


class SparseCategoricalCrossentropy(
    StandardLoss,
    function=crossentropy.sparse_categorical_crossentropy,
    order="from_logits ignore_class reduction axis name dtype",
):
    """`-log(p_y)` of integer labels; those equal to `ignore_class` are left out, also of the mean's denominator.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    keeps_integer_labels: ClassVar[bool] = True
    ignore_class: int | None

    def compute_mask(self, y_true: Any, y_pred: Any) -> Any:
        """Return where a label is to count, or None if all do."""
        if self.ignore_class is None:
            return None
        return sparse_labels(y_true, y_pred.ndim) != self.ignore_class


class KLDivergence(StandardLoss, function=crossentropy.kl_divergence):
    """`sum y_true log(y_true / y_pred)`.

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]).item()
    0.0
    """


class Poisson(StandardLoss, function=crossentropy.poisson):
    """Mean of `y_pred - y_true log(y_pred)`.

    >>> round(Poisson()([[2.0]], [[1.0]]).item(), 4)
    1.0
    """


class CTC(StandardLoss, function=ctc):
    """Connectionist temporal classification of integer label sequences, 0 being blank and padding.

    `y_true` has shape (batch, labels), `y_pred` are logits of shape (batch, frames, classes).

    Reference: Graves et al. 2006, "Connectionist temporal classification".

    >>> round(CTC()([[1]], [[[0.0, 0.0]]]).item(), 4)
    0.6931
    """

    keeps_integer_labels: ClassVar[bool] = True
