"""The archive that most tests of this room start from: three recordings, every element in use."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dynascope.readers import ModelRecord, Recording, write_archive

sys.path.insert(0, str(Path(__file__).parent))  # makers of files beside the tests that use them


def make_recording(seed=0, n_trials=4, n_samples=6, n_units=5, **changes):
    random = np.random.default_rng(seed)
    shape = (n_trials, n_samples, n_units)
    fields = {
        "activity": random.normal(size=shape).astype("f4"),
        "time": np.arange(n_samples) * 0.02,
        "trials": {
            "angle": (random.normal(size=n_trials), "rad"),
            "correct": random.random(n_trials) < 0.5,
            "cue": [f"cue {number} é" for number in range(n_trials)],
        },
        "units": {"area": ["FEF"] * (n_units - 1) + ["PFC"], "sign": np.resize([1, -1], n_units)},
        "epochs": {"cue": (0.0, 0.04), "go": np.tile([0.04, 0.1], (n_trials, 1))},
        "inputs": random.normal(size=(n_trials, n_samples, 2)),
        "outputs": random.normal(size=(n_trials, n_samples, 3)).astype("f4"),
        "targets": random.normal(size=(n_trials, n_samples, 3)),
        "mask": random.random((n_trials, n_samples)) < 0.5,
        "states": {
            "spikes": random.integers(0, 2, shape).astype("u1"),
            "kappa": random.normal(size=(n_trials, n_samples, 2)),
            "voltage": random.normal(size=(*shape, 2)).astype("f4"),
        },
        "attrs": {"rule": "odr", "performance": 0.9, "trials_seen": 100},
        "array_units": {"activity": "Hz", "states/voltage": "mV"},
        "parameters": {"w": random.normal(size=(n_units, n_units)), "gain": np.float32(2.5)},
    }
    return Recording(**{**fields, **changes})


MODEL = ModelRecord(
    family="three_body",
    config={"n_units": 5, "alpha": 0.1, "rank": None},
    state_layout=[{"name": "x", "start": 0, "stop": 5}],
    parameters={
        "w": np.eye(5),
        "w_in": np.ones((5, 2), "f4"),
        "gain": np.array(2, "i8"),
        "mask": np.eye(5) > 0,
    },
    parameter_dims={"w": ("unit", "unit_pre"), "w_in": ("unit", "input"), "gain": ()},
)
TASK = {"name": "odr", "config": {"seed": 2**100, "delays": [0.5, 1.5]}}
TRAINING = {"step": [0, 10], "loss": [1.0, np.nan], "rate": ([1.0, 2.0], "Hz")}


@pytest.fixture(scope="session")
def recording():
    return make_recording


@pytest.fixture(scope="session")
def archive_path(tmp_path_factory):
    recordings = {
        "0000100/odr": make_recording(1, n_trials=6),
        "0000100/gap": make_recording(2, n_samples=8),
        "final": make_recording(3),
    }
    path = tmp_path_factory.mktemp("archive") / "run.h5"
    return write_archive(path, recordings, MODEL, TASK, TRAINING, title="every element", history=["made by a test"])
