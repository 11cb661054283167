"""How the compiled kernels of all families are compiled."""

from typing import Any

import numba


def _can_cache() -> bool:
    """Return whether compiled code can be kept: numba refuses where neither the package nor the home can be written."""
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:
        return False
    return True


COMPILE: dict[str, Any] = {
    "cache": _can_cache(),
    # Not all of "fast": NaN and infinity must survive, so that a diverged network is seen.
    "fastmath": {"contract", "reassoc", "nsz"},
    # Python's check for division by zero would keep the loops from becoming vector instructions.
    "error_model": "numpy",
}
