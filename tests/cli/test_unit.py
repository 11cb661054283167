"""``dynascope unit`` on small archives made by hand."""

import json

import numpy as np
import pytest

from dynascope.analysis import SampleUnit, sample_unit
from dynascope.readers import Recording, write_archive

TIME = 0.05 * np.arange(30)
CUES = np.repeat(np.arange(8), 4)
EPOCHS = {"fix": (0.0, 0.5), "cue": (0.5, 1.0)}


def activity():
    """Of five units number 3 is tuned to cue 6, and unit 1 weakly to cue 2."""
    found = 5 + 0.3 * np.random.default_rng(0).standard_normal((32, 30, 5))
    found[CUES == 6, 10:20, 3] += 2
    found[CUES == 2, 10:20, 1] += 0.2
    return found


def network(path, **changes):
    fields = {
        "trials": {
            "cue": CUES, "angle": (np.pi / 4 * CUES, "rad"), "degrees": (45.0 * CUES, "deg"), "correct": CUES != 6,
        },
        "epochs": EPOCHS, "attrs": {"rule": "odr", "performance": 0.925},
    }  # fmt: skip
    return write_archive(path / "net.h5", {"final": Recording(activity(), TIME, **{**fields, **changes})})


def test_the_unit_that_tells_the_labels_apart_best(call, tmp_path):
    code, text, err = call(
        "unit", network(tmp_path), "--unit", "best", "--label", "cue", "--epoch", "cue", "-o", tmp_path / "u"
    )
    assert (code, err) == (0, "")
    found = SampleUnit.load(tmp_path / "u.h5")
    expected = sample_unit(activity(), TIME, CUES, 3, (0.5, 1.0))
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.rates, expected.rates)
    assert (found.unit, found.locations[found.preferred], found.epoch) == (3, "6", (0.5, 1.0))
    assert found.description == "net.h5, odr, performance 0.93"
    assert text.strip() == found.summary()
    for name in ("u.png", "u-polar.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("label", ["angle", "degrees"])
def test_a_numbered_unit_at_given_angles_in_chosen_trials_and_all_of_the_time(label, call, tmp_path):
    code, text, _ = call(
        "unit", network(tmp_path), "--unit", "1", "--label", label, "--where", "correct=true", "--json",
        "-o", tmp_path / "u", "--format", "svg",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    kept = CUES != 6
    np.testing.assert_allclose(values["angles"], np.pi / 4 * np.array([0, 1, 2, 3, 4, 5, 7]))
    expected = [activity()[kept][CUES[kept] == cue][:, :, 1].mean() for cue in (0, 1, 2, 3, 4, 5, 7)]
    np.testing.assert_allclose(values["rates"], expected)
    np.testing.assert_allclose(values["epoch"], [0, 1.5])
    assert (tmp_path / "u-polar.svg").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--unit", "first"], "--unit first: expected its number, from 0, or best"),
        (["--unit", "5"], "found 5 for (32, 30, 5)"),
        (["--unit", "1", "--epoch", "cu"], "unknown epoch 'cu': did you mean 'cue'"),
        (["--unit", "1", "--array", "spikes"], "unknown array 'spikes'"),
    ],
)
def test_bad_input_is_one_line_and_code_2(options, words, call, tmp_path):
    code, out, err = call("unit", network(tmp_path), "--label", "cue", "-o", tmp_path / "u", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
