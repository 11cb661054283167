"""Counter-based random numbers: row i of a stream is a function of the seed, the purpose and i alone.

The generator is Philox (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), whose
n-th output is computed without the ones before it.
"""

import zlib
from collections.abc import Iterator

import numpy as np

from ..validation import Array, whole_number

# Philox makes four words of 64 bits per step of its counter; rows start at whole steps.
_WORDS_PER_STEP = 4


def random_words(seed: int, purpose: str, start: int, stop: int, width: int) -> Array:
    """Return rows ``start`` … ``stop`` − 1 of a stream of random 64-bit words: (row, ``width``) uint64."""
    steps = -(-width // _WORDS_PER_STEP)
    generator = _philox(seed, purpose)
    generator.advance(start * steps)
    words = generator.random_raw((stop - start) * steps * _WORDS_PER_STEP)
    return np.asarray(words).reshape(stop - start, steps * _WORDS_PER_STEP)[:, :width]


def generators(seed: int, purpose: str, count: int) -> Iterator[np.random.Generator]:
    """Yield one generator for each of the numbers 0 … ``count`` − 1, with room for 2¹²⁸ steps each.

    The same object is yielded each time, moved to the next number's place: use it before asking for the next.
    """
    philox = _philox(seed, purpose)
    generator, state = np.random.Generator(philox), philox.state
    for number in range(count):
        state["state"]["counter"][:] = (0, 0, number, 0)
        philox.state = state
        yield generator


def _philox(seed: int, purpose: str) -> np.random.Philox:
    seed = whole_number("seed", seed, least=0)
    return np.random.Philox(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),)))
