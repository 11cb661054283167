"""Named random generators, all derived from the one seed of a run."""

import zlib
from typing import Any

import numpy as np
import torch

#: seed of a run and number of a network in it: what the random numbers of a network derive from
Origin = tuple[int, int]


def sequence(seed: int, name: str, member: int = 0) -> np.random.SeedSequence:
    """Return the seed sequence of one consumer (``name``) of one network (``member``) of a run.

    The spawn key is the member and a checksum of the name, so that adding a consumer or a member leaves
    the random numbers of all the others as they were.
    """
    return np.random.SeedSequence(entropy=seed, spawn_key=(member, zlib.crc32(name.encode())))


def generator(seed: int, name: str, member: int = 0) -> np.random.Generator:
    """Return the NumPy generator of one consumer of one network of a run."""
    return np.random.Generator(np.random.PCG64(sequence(seed, name, member)))


def torch_generator(seed: int, name: str, member: int = 0, *, device: str = "cpu") -> torch.Generator:
    """Return the torch generator of one consumer of one network of a run."""
    made = torch.Generator(device=device)
    low, high = sequence(seed, name, member).generate_state(2, np.uint32)
    made.manual_seed(int(low) | int(high) << 32)
    return made


def state_of(source: np.random.Generator) -> dict[str, Any]:
    """Return the state of a NumPy generator as plain values."""
    state = dict(source.bit_generator.state)
    return {**state, "state": {key: str(value) for key, value in state["state"].items()}}


def restore(source: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a NumPy generator back into a state that :func:`state_of` returned."""
    # The 128-bit integers travel as text: JSON readers would round them.
    source.bit_generator.state = {
        **state,
        "state": {key: int(value) for key, value in state["state"].items()},
    }
