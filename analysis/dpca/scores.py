"""The error of every regularizer on one split of the trials, from one eigenbasis of the training averages."""

from collections.abc import Mapping

import numpy as np

from ..validation import Array
from .marginalizations import Marginals
from .reduced_basis import leading_vectors

LOSSES = ("leave_unit_out", "train_from_test")
"""What is predicted from the left-out trials: each unit of them from the others, or the training averages."""


class Split:
    """Averages of training trials beside left-out trials, both as :class:`Marginals`.

    ``leave_unit_out`` is Σ ‖Y_m − (A − diag A) Y‖², ``train_from_test`` is Σ ‖X_m − A Y‖², with X the training and Y
    the left-out averages (unit, sample), marginals X_m and Y_m, and A = P Dᵀ fitted to X. Both need second moments
    only: the rows of different marginalizations have no product, so Y_m Yᵀ = Y_m Y_mᵀ.
    """

    def __init__(self, train: Marginals, test: Marginals, sizes: Mapping[str, int], *, encoder: str, loss: str) -> None:
        self._train, self._test, self._sizes = train, test, sizes
        self._encoder, self._loss = encoder, loss
        self._eigenvalues, self._basis = _eigenbasis(train.rows)
        self._turned = train.rows @ self._basis
        self._moment = _SecondMoment(test.rows)
        self._power = np.square(test.rows).sum(axis=0)

    def scores(self, regularizers: Array) -> Array:
        """Return the squared errors (marginalization, regularizer)."""
        s = self._eigenvalues
        shifts = (regularizers * s.sum()) ** 2
        inverse = 1 / (s + shifts[:, np.newaxis])
        gains = inverse if self._encoder == "regularized" else s * inverse**2
        # Below the smallest and above the largest eigenvalue, a growing shift only scales the problem.
        last = len(regularizers) - 1
        turning = [min(int(np.searchsorted(shifts, bound)), last) for bound in (0.03 * s[0], s[-1])]
        found = []
        for name in self._train:
            rows = self._turned[self._train.slices[name]]
            basis, image, coordinates = leading_vectors(rows, gains, (turning[0], turning[1]), self._sizes[name])
            found.append(self._errors(name, inverse, self._basis @ basis, image, coordinates))
        return np.stack(found)

    def _errors(self, name: str, inverse: Array, basis: Array, image: Array, coordinates: Array) -> Array:
        """Return the errors (regularizer,) of one marginalization; encoders are basis @ coordinates."""
        n_regularizers, _, k = coordinates.shape
        shape = (-1, n_regularizers, k)
        side = coordinates.transpose(1, 0, 2).reshape(-1, n_regularizers * k)
        p = (basis @ side).reshape(shape)
        weighted = (image @ side).reshape(shape) * inverse.T[:, :, np.newaxis]
        d = self._basis @ weighted.reshape(-1, n_regularizers * k)
        moved = (self._moment @ d).reshape(shape)
        d = d.reshape(shape)
        seen, target = self._test[name], (self._test if self._loss == "leave_unit_out" else self._train)[name]
        fit = (seen.T @ (target @ basis) @ side).reshape(shape)
        errors = np.square(target).sum() + np.einsum("ulk,ulk->l", d, moved - 2 * fit)
        if self._loss == "leave_unit_out":
            own = np.einsum("ulk,ulk->ul", p, d)  # the diagonal of A
            predicted = np.einsum("ulk,ulk->ul", p, moved)
            power = np.square(seen).sum(axis=0)
            errors += 2 * power @ own + np.einsum("ul,ul->l", own, own * self._power[:, np.newaxis] - 2 * predicted)
        found: Array = errors
        return found


class _SecondMoment:
    """rowsᵀ rows as a product: formed when that is smaller than the rows."""

    def __init__(self, rows: Array) -> None:
        self._rows = rows
        self._formed = rows.T @ rows if len(rows) > rows.shape[1] else None

    def __matmul__(self, columns: Array) -> Array:
        found: Array = self._rows.T @ (self._rows @ columns) if self._formed is None else self._formed @ columns
        return found


def _eigenbasis(rows: Array) -> tuple[Array, Array]:
    """Return the eigenvalues (rank,), ascending, and eigenvectors (unit, rank) of rowsᵀ rows."""
    if len(rows) >= rows.shape[1]:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
        return values[kept], vectors[:, kept]
    singular, vectors = np.linalg.svd(rows, full_matrices=False)[1:]
    kept = singular > rows.shape[1] * np.finfo(np.float64).eps * singular[0]
    return np.square(singular[kept][::-1]), vectors[kept][::-1].T
