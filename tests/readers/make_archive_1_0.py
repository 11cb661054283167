"""Make tests/data/archive_1_0.h5, the archive of format 1.0 that must be readable for ever.

It was run once, when format 1.0 was released: ``python tests/readers/make_archive_1_0.py``. Never run it
again with a newer format; write a script beside it instead.
"""

from pathlib import Path

import numpy as np

from dynascope.readers import ModelRecord, Recording, write_archive

TARGET = Path(__file__).parents[1] / "data" / "archive_1_0.h5"


def grid(*shape):
    """Return 0, 1, 2 … in the given shape, so that a test can say what each value must be."""
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def make(path):
    recordings = {}
    for name, offset in {"0000100/odr": 0.0, "final": 0.5}.items():
        activity = (grid(3, 4, 2) + offset).astype("f4")
        activity[2, 3] = np.nan
        recordings[name] = Recording(
            activity,
            [0.0, 0.1, 0.2, 0.3],
            trials={
                "n_samples": [4, 4, 3],
                "angle": ([0.0, 1.5, 3.0], "rad"),
                "cue": ["left", "right", "haut-gauche à"],
            },
            units={"area": ["FEF", "PFC"], "excitatory": [True, False]},
            epochs={"cue": (0.0, 0.1), "delay": [[0.1, 0.3], [0.1, 0.2], [np.nan, np.nan]]},
            inputs=grid(3, 4, 1),
            outputs=grid(3, 4, 2),
            targets=grid(3, 4, 2),
            mask=grid(3, 4) > 2,
            states={"spikes": grid(3, 4, 2).astype("u1"), "voltage": -grid(3, 4, 2, 2)},
            attrs={"rule": "odr", "performance": 0.75, "trials_seen": 100, "notes": [1, None, "x"]},
            array_units={"activity": "Hz", "states/voltage": "mV"},
            parameters={"w": grid(2, 2) + offset},
        )
    model = ModelRecord(
        "three_body",
        {"n_units": 2, "alpha": 0.1},
        [{"name": "x", "start": 0, "stop": 2}],
        {"w": grid(2, 2), "gain": np.float32(2.5), "complex": grid(2) * 1j},
        {"w": ("unit", "unit_pre")},
    )
    task = {"name": "odr", "config": {"seed": 7}}
    training = {"step": [0, 100], "loss": [1.0, 0.25]}
    return write_archive(path, recordings, model, task, training, title="format 1.0", history=["made for the tests"])


if __name__ == "__main__":
    print(make(TARGET))
