"""Peaks of the example unit by place of the cue."""

import numpy as np

from dynascope.analysis import sample_unit
from dynascope.readers import Recording
from dynascope.reproductions.maturation import unit
from dynascope.reproductions.maturation.moments import Moment

TIME = 0.02 * np.arange(100)
CUE = np.repeat(np.arange(8), 3)
EPOCHS = {"fix1": (0.0, 1.0), "stim1": (1.0, 1.5)}


def activity(preferred=6):
    """Unit 2 prefers a place, half as much one step clockwise; the start is a transient, the opposite place a dip."""
    rng = np.random.default_rng(0)
    found = 1 + 0.01 * rng.standard_normal((24, 100, 4))
    found[:, :10] += 5
    for step, height in ((0, 4.0), (1, 2.0), (7, 1.0), (4, -0.9)):
        found[np.ix_((preferred + step) % 8 == CUE, np.arange(60, 75), [2])] += height
    found[..., 2] += 0.3 * rng.standard_normal((24, 1))
    # Others respond to nothing in particular, or are suppressed by every cue: the second tells cues apart best of all.
    found[:, 50:75, 1] += 3
    found[:, 50:75, 0] -= 0.2 + 0.05 * CUE[:, np.newaxis]
    return found


def test_peaks_stand_at_their_place_from_the_preferred_cue():
    found = unit.landmarks(sample_unit(activity(), TIME, CUE, 2, EPOCHS["stim1"]))
    assert list(found) == ["baseline", "−135°", "−90°", "−45°", "0°", "+45°", "+90°", "+135°", "180°", "lowest, 180°"]
    heights = {name: round(found[name][0]) for name in found if name != "baseline"}
    assert heights == {
        "−135°": 1, "−90°": 1, "−45°": 2, "0°": 5, "+45°": 3, "+90°": 1, "+135°": 1, "180°": 1, "lowest, 180°": 0,
    }  # fmt: skip
    assert 1.2 <= found["0°"][1] < 1.5
    assert 1.2 <= found["lowest, 180°"][1] < 1.5
    np.testing.assert_allclose(found["baseline"], 1, atol=0.6)  # without the transient


def test_the_most_selective_unit_of_the_population_is_shown():
    recording = Recording(activity(), TIME, trials={"cue": CUE}, epochs=EPOCHS)
    found = unit.example(Moment("seed 3", "mature", 0.967, 12800, recording))
    assert (found.unit, found.locations[found.preferred]) == (2, "6")
    assert found.description == "odr, seed 3, 12800 trials, performance 0.97"


def test_remarks_count_the_units_that_do_as_the_published_one():
    like = unit.landmarks(sample_unit(activity(), TIME, CUE, 2, EPOCHS["stim1"]))
    flat = {**like, "0°": (2.0, 1.3), "lowest, 180°": (1.5, 1.3)}
    remarks = unit._remarks({"a": like, "b": flat})
    assert "in 1 of 2 units" in remarks[0]
    assert "in 1 of 2 units" in remarks[1]
