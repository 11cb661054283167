"""The distance between operators after the best rotation (or reflection) of one, A against C B Cᵀ."""

from collections.abc import Iterator

import numpy as np

from ..validation import Array

_RANDOM_STARTS = 4


def conjugation_angle(a: Array, b: Array, *, seed: int = 0) -> float:
    """Return the least angle between A and C B Cᵀ over orthogonal C, radians, for operators (n, n).

    cos θ = tr(Aᵀ C B Cᵀ) / (‖A‖ ‖B‖). The rotation is applied before the angle is taken, so that small angles keep
    their digits. It is a minimum over the starts of :func:`_starts`, each improved to a stationary point: exact when
    the operators are equal up to rotation (unless their symmetric parts have repeated eigenvalues), an upper bound
    otherwise.
    """
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    angles = []
    for start in _starts(a, b, seed):
        turned = _ascend(a, start @ b @ start.T)
        angles.append(2 * np.arctan2(np.linalg.norm(a - turned), np.linalg.norm(a + turned)))
        if angles[-1] < 1e-12:
            break
    return float(min(angles))


def _starts(a: Array, b: Array, seed: int) -> Iterator[Array]:
    """Yield rotations to start from: those that match symmetric parts, skew parts, none, and random ones.

    C maps eigenvectors of the symmetric part of B to those of A when A = C B Cᵀ, up to signs. Signs s follow from the
    skew parts E and F in these bases, E_ij = s_i s_j F_ij: they are the leading eigenvector of E∘F.
    """
    vectors = [np.linalg.eigh(each + each.T)[1] for each in (a, b)]
    left, right = (basis.T @ (each - each.T) @ basis for basis, each in zip(vectors, (a, b), strict=True))
    signs = np.where(np.linalg.eigh(left * right)[1][:, -1] < 0, -1.0, 1.0)
    yield (vectors[0] * signs) @ vectors[1].T
    # The planes of rotation of the skew parts: eigenvectors of their squares, in order of frequency.
    planes = [np.linalg.eigh((each - each.T) @ (each - each.T))[1] for each in (a, b)]
    yield planes[0] @ planes[1].T
    yield np.eye(len(a))
    generator = np.random.default_rng(seed)
    for _ in range(_RANDOM_STARTS):
        yield np.linalg.qr(generator.standard_normal(a.shape))[0]


def _ascend(a: Array, b: Array) -> Array:
    """Return C B Cᵀ at a maximum of tr(Aᵀ C B Cᵀ) near C = I.

    Quasi-Newton steps over Cayley's form C = (I − S)⁻¹ (I + S) of skew S, begun anew where S has grown, because the
    form cannot reach half turns.
    """
    from scipy.optimize import minimize

    n = len(a)
    if n == 1:
        return b
    upper = np.triu_indices(n, k=1)
    identity = np.eye(n)

    def turn(free: Array) -> tuple[Array, Array, Array]:
        skew = np.zeros((n, n))
        skew[upper] = free
        skew -= skew.T
        inverse = np.linalg.inv(identity - skew)
        return inverse @ (identity + skew), inverse, skew

    def loss(free: Array) -> tuple[float, Array]:
        rotation, inverse, _ = turn(free)
        slope = a @ rotation @ b.T + a.T @ rotation @ b  # of the trace, by C
        by_skew = inverse.T @ slope @ (identity + rotation).T
        return -float(np.vdot(a, rotation @ b @ rotation.T)), -(by_skew - by_skew.T)[upper]

    previous = np.inf
    for _ in range(20):
        found = minimize(loss, np.zeros(len(upper[0])), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        rotation = turn(found.x)[0]
        b = rotation @ b @ rotation.T
        if previous - found.fun < 1e-13:
            break
        previous = found.fun
    return b
