"""Make tests/data/archive_1_1.h5, the archive of format 1.1 that must be readable for ever.

It was run once, when format 1.1 was released: ``python tests/readers/make_archive_1_1.py``. Never run it
again with a newer format; write a script beside it instead.
"""

from pathlib import Path

import numpy as np

from dynascope.readers import CheckpointsRecord, ModelRecord, Recording, write_archive

TARGET = Path(__file__).parents[1] / "data" / "archive_1_1.h5"


def make(path):
    """Write a network of two units with three checkpoints, of which one has a recording."""
    weights = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    checkpoints = CheckpointsRecord([0, 1280, 2560], {"w": weights, "gain": np.array([0.5, 1.0, 1.5])})
    model = ModelRecord(
        "oculomotor",
        {"n_units": 2},
        [{"name": "h", "start": 0, "stop": 2}],
        {"w": weights[2], "gain": np.float64(1.5)},
        {"w": ("unit", "unit_pre")},
        checkpoints,
    )
    recording = Recording(
        np.arange(8, dtype=np.float32).reshape(2, 2, 2), [0.0, 0.02], attrs={"rule": "odr", "trials_seen": 2560}
    )
    return write_archive(path, {"0002560/odr": recording}, model, title="format 1.1")


if __name__ == "__main__":
    print(make(TARGET))
