"""What many tests of networks and tasks begin with."""

import numpy as np
import torch

from dynascope.trainers import get_family


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(family, options, *, members=None, seed=0, dtype=torch.float64):
    """Networks of a family with weights that are drawn from the seeds ``seed``, ``seed`` + 1, …."""
    generators = [rng(seed + member) for member in range(members or 1)]
    return get_family(family).model(options, members=members, generators=generators, dtype=dtype)
