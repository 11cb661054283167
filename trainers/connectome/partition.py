"""Cut weights into random parts by breaking a stick."""

import numpy as np

from ...results import Array

#: the smallest part: a few times the smallest normal number of float32, so that no connection vanishes in it
LEAST_PART = 4 * float(np.finfo(np.float32).tiny)


def random_parts(totals: Array, n_parts: int, generator: np.random.Generator) -> Array:
    """Return random positive parts (total, part) that sum to ``totals`` (total,), each row in random order.

    Of the remainder r each part but the last takes a share uniform on (0, r), and the last takes what is left; then the
    parts are shuffled. This is far from uniform on the simplex: the expected sum of squared shares is
    ½ + ½ · 3^−(n − 1), whatever the number of parts. Parts are at least :data:`LEAST_PART`, which changes a sum by less
    than rounding does.
    """
    taken = generator.random((len(totals), n_parts - 1))
    left = np.concatenate([np.ones((len(totals), 1)), np.cumprod(1 - taken, axis=1)], axis=1)
    parts = left * np.concatenate([taken, np.ones((len(totals), 1))], axis=1)
    parts *= np.asarray(totals)[:, None]
    shuffled: Array = generator.permuted(np.maximum(parts, LEAST_PART), axis=1)
    return shuffled
