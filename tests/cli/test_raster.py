"""``dynascope raster`` on small archives made by hand."""

import json

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import FiringRates, firing_rates
from dynascope.readers import Recording, write_archive

N_TRIALS, N_SAMPLES = 6, 80
TYPES = np.array(["I-LIF", "E-LIF", "E-LIF-out", "I-LIF", "E-LIF"])
LABELS = np.array([1, 1, 0, 1, 0, 0])


def spikes():
    return (np.random.default_rng(0).random((N_TRIALS, N_SAMPLES, 5)) < 0.15).astype(np.uint8)


def network(path, **changes):
    rng = np.random.default_rng(1)
    fields = {
        "activity": rng.random((N_TRIALS, N_SAMPLES, 5)),
        "time": 0.5 + 0.002 * np.arange(N_SAMPLES),
        "trials": {"label": LABELS},
        "units": {"cell_type": TYPES},
        "epochs": {"trial": (0.5, 0.66), "cue_1": (0.5, 0.53), "delay": (0.53, 0.6)},
        "inputs": rng.poisson(0.1, (N_TRIALS, N_SAMPLES, 8)).astype(float),
        "outputs": rng.random((N_TRIALS, N_SAMPLES, 2)),
        "states": {"spikes": spikes()},
    }
    return write_archive(path / "net.h5", {"final": Recording(**{**fields, **changes})})


@pytest.fixture
def pictures(monkeypatch):
    """Collect the figures that commands save."""
    kept = []
    save = plotting.save
    monkeypatch.setattr(plotting, "save", lambda figure, path: kept.append(figure) or save(figure, path))
    return kept


def marks(ax):
    return sum(len(line.get_xdata()) for line in ax.get_lines() if line.get_marker() == "|")


def named(figure):
    """Return the panels by their label in the layout."""
    return {ax.get_label(): ax for ax in figure.axes}


def test_writes_rates_and_a_picture(call, tmp_path, pictures):
    archive = network(tmp_path)
    code, text, err = call("raster", archive, "-o", tmp_path / "r")
    assert (code, err) == (0, "")
    found = FiringRates.load(tmp_path / "r.h5")
    expected = firing_rates(spikes(), 0.002, groups=TYPES, start=0.5)
    assert found.groups == ("E-LIF", "E-LIF-out", "I-LIF")
    np.testing.assert_allclose(found.unit_rates, expected.unit_rates)
    np.testing.assert_allclose(found.rates, expected.rates)
    np.testing.assert_allclose(found.edges, expected.edges)
    assert text.strip() == found.summary()
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_draws_every_spike_of_the_first_trial_of_each_label(call, tmp_path, pictures):
    call("raster", network(tmp_path), "-o", tmp_path / "r")
    [figure] = pictures
    panels = named(figure)
    assert [name for name in panels if name.startswith("spikes")] == ["spikes 2", "spikes 0"]
    assert [panels[f"inputs {trial}"].get_title(loc="left") for trial in (2, 0)] == [
        "Trial 2, label 0",
        "Trial 0, label 1",
    ]
    for trial in (0, 2):
        assert marks(panels[f"spikes {trial}"]) == spikes()[trial].sum()
    labels = panels["spikes 2"].get_yticklabels()
    assert [label.get_text() for label in labels] == ["E-LIF", "E-LIF-out", "I-LIF"]
    assert [label.get_color() for label in labels[::2]] == [
        plotting.CELL_TYPE_COLOURS[name] for name in ("E-LIF", "I-LIF")
    ]
    [above] = panels["inputs 2"].child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["cue 1", "delay"]  # not the whole trial
    assert [line.get_label() for line in panels["rates"].get_lines()[:3]] == ["E-LIF (2)", "E-LIF-out (1)", "I-LIF (2)"]


def test_units_are_sorted_by_cell_type(call, tmp_path, pictures):
    one = np.zeros((N_TRIALS, N_SAMPLES, 5), np.uint8)
    one[:, 10, 3] = 1  # the second of the I-LIF: last of all
    call("raster", network(tmp_path, states={"spikes": one}), "-o", tmp_path / "r", "--trial", "1")
    [line] = [line for line in named(pictures[0])["spikes 1"].get_lines() if len(line.get_xdata()) == 1]
    assert line.get_xydata().tolist() == [[pytest.approx(0.52), 4]]


def test_chosen_trials_json_and_format(call, tmp_path, pictures):
    code, text, _ = call(
        "raster", network(tmp_path), "-o", tmp_path / "r", "--where", "label=0", "--trial", "2", "--trial", "2",
        "--json", "--format", "svg", "--bin", "0.05",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    assert values["n_trials"] == 3
    assert values["drawn_trials"] == [2]
    assert len(values["edges"]) == 5
    np.testing.assert_allclose(values["unit_rates"], spikes()[LABELS == 0].mean((0, 1)) / 0.002)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.h5", "r.h5", "r.svg"]
    assert marks(named(pictures[0])["spikes 2"]) == spikes()[5].sum()


def test_a_recording_of_counts_with_trials_of_different_lengths(call, tmp_path, pictures):
    lengths = np.array([80, 50, 80, 60, 80, 80])
    counts = np.where(np.arange(N_SAMPLES)[:, None] < lengths[:, None, None], spikes(), np.nan).astype(float)
    go = np.c_[np.linspace(0.52, 0.56, N_TRIALS), np.full(N_TRIALS, 0.58)]
    archive = network(
        tmp_path, activity=counts, trials={"n_samples": lengths}, units={"area": ["v4", "it", "it", "v4", "it"]},
        inputs=None, outputs=None, states={}, epochs={"go": go},
    )  # fmt: skip
    code, _, err = call(
        "raster", archive, "-o", tmp_path / "r", "--array", "activity", "--group", "area", "--trial", "1"
    )
    assert (code, err) == (0, "")
    found = FiringRates.load(tmp_path / "r.h5")
    assert found.groups == ("it", "v4")
    np.testing.assert_allclose(found.unit_rates, np.nansum(counts, (0, 1)) / (lengths.sum() * 0.002))
    panels = named(pictures[0])
    assert list(panels)[:2] == ["spikes 1", "rates"]
    assert marks(panels["spikes 1"]) == np.nansum(counts[1])


def test_one_epoch_and_no_cell_types(call, tmp_path):
    archive = network(tmp_path, units={}, trials={})
    code, _, _ = call("raster", archive, "-o", tmp_path / "r", "--epoch", "delay")
    assert code == 0
    found = FiringRates.load(tmp_path / "r.h5")
    assert (found.groups, found.edges[0]) == (("all units",), pytest.approx(0.53))


REFUSED = [
    ({}, ["--trial", "6"], "--trial 6: "),
    ({}, ["--array", "spiks"], "unknown array 'spiks': did you mean 'spikes'"),
    ({}, ["--array", "activity"], "expected the number of spikes in each sample"),
    ({}, ["--array", "outputs"], "array 'outputs' has shape (6, 80, 2), expected (trial, time, unit) (6, 80, 5)"),
    ({}, ["--group", "cell_tpe"], "unknown unit column 'cell_tpe': did you mean 'cell_type'"),
    ({}, ["--bin-width", "1"], "bin_width: expected 0.002 s (one sample) to 0.16 s (the trials), found 1"),
    ({}, ["--bin-width", "0"], "Invalid value for '--bin'"),
    ({}, ["--where", "label=7"], "no trial meets label=7"),
    ({"states": {}}, [], "holds no spikes; where the activity counts spikes, choose it with --array activity"),
    ({"time": np.geomspace(0.5, 0.66, N_SAMPLES)}, [], "at equal intervals of time"),
]


@pytest.mark.parametrize(("changes", "options", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_bad_input_is_one_line_and_code_2(changes, options, words, call, tmp_path):
    code, out, err = call("raster", network(tmp_path, **changes), "-o", tmp_path / "r", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["net.h5"]
