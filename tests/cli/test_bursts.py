"""``dynascope bursts`` on small archives made by hand: one code in the burst fraction, one in the event rate."""

import json

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import BurstStatistics, CodeComparison, burst_statistics, burst_trains, compare_codes
from dynascope.readers import Recording, write_archive

N_TRIALS, N_SAMPLES = 40, 200
TIME = 0.1 + 0.001 * np.arange(N_SAMPLES)
SIDE = np.tile(["left", "right"], N_TRIALS // 2)
CONTRAST = np.repeat([0.0, 1.0], N_TRIALS // 2)


def spikes():
    """Return events every 40 ms or not, by contrast; they are bursts of two more often on the right."""
    rng = np.random.default_rng(0)
    shape = (N_TRIALS, N_SAMPLES // 40, 5)
    event = rng.random(shape) < 0.4 + 0.4 * CONTRAST[:, None, None]
    burst = event & (rng.random(shape) < np.where(SIDE == "right", 0.9, 0.1)[:, None, None])
    made = np.zeros((N_TRIALS, N_SAMPLES // 40, 40, 5), np.uint8)
    made[:, :, 3] = made[:, :, 4] = event  # two samples for a spike, as in the prc networks
    made[:, :, 9] = made[:, :, 10] = burst
    return made.reshape(N_TRIALS, N_SAMPLES, 5)


def network(path, name="net.h5", **changes):
    fields = {
        "activity": np.random.default_rng(1).random((N_TRIALS, N_SAMPLES, 5)), "time": TIME,
        "trials": {"side": SIDE, "contrast": CONTRAST, "same": np.ones(N_TRIALS)},
        "units": {"cell_type": np.array(["PRC", "PRC", "LIF", "PRC", "LIF"])},
        "epochs": {"cue": (0.14, 0.22), "go": np.c_[np.linspace(0.1, 0.14, N_TRIALS), np.full(N_TRIALS, 0.3)]},
        "states": {"spikes": spikes()},
    }  # fmt: skip
    return write_archive(path / name, {"final": Recording(**{**fields, **changes})})


@pytest.fixture
def pictures(monkeypatch):
    """Collect the figures that commands save."""
    kept = []
    save = plotting.save
    monkeypatch.setattr(plotting, "save", lambda figure, path: kept.append(figure) or save(figure, path))
    return kept


def test_writes_statistics_codes_and_a_picture(call, tmp_path, pictures):
    words = ["--label", "side", "--max-interval", "0.01", "--bin", "0.04", "--permutations", "40"]
    code, text, err = call("bursts", network(tmp_path), *words, "-o", tmp_path / "b")
    assert (code, err) == (0, "")
    trains = burst_trains(spikes(), TIME, 0.01)
    statistics, codes = BurstStatistics.load(tmp_path / "b.h5"), CodeComparison.load(tmp_path / "b-codes.h5")
    groups = ["PRC", "PRC", "LIF", "PRC", "LIF"]
    expected = burst_statistics(trains, groups=groups, labels=SIDE, bin_width=0.04)
    np.testing.assert_array_equal(statistics.burst_fractions, expected.burst_fractions)
    assert (statistics.conditions, statistics.groups) == (("left", "right"), ("LIF", "PRC"))
    assert statistics.epochs == {"cue": [0.14, 0.22]}  # "go" differs between trials
    compared = compare_codes(trains, SIDE, permutations=40, target="side")
    np.testing.assert_array_equal(codes.scores, compared.scores)
    np.testing.assert_array_equal(codes.p_values, compared.p_values)
    of = dict(zip(codes.codes, codes.scores, strict=True))
    assert of["burst_fraction"] > 0.9 > 0.65 > of["events"]
    assert text.strip() == f"{statistics.summary()}\n\n{codes.summary()}"
    [figure] = pictures
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(" ±")[0] for title in titles[:2]] == ["Event rate", "Burst fraction"]
    assert titles[2].endswith("dashed: 10 ms")
    assert titles[3] == "Decoding side from each code"
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_a_value_in_an_epoch_and_json(call, tmp_path):
    words = ["--value", "contrast", "--epoch", "go", "--permutations", "0", "--json", "--format", "svg"]
    code, text, _ = call("bursts", network(tmp_path), *words, "-o", tmp_path / "b")
    assert code == 0
    found = json.loads(text)
    trains = burst_trains(spikes(), TIME, 0.016)
    window = np.c_[np.linspace(0.1, 0.14, N_TRIALS), np.full(N_TRIALS, 0.3)]
    expected = compare_codes(trains, values=CONTRAST, window=window, permutations=0)
    np.testing.assert_allclose(found["codes"]["scores"], expected.scores)
    assert found["codes"]["measure"] == "R²"
    assert found["statistics"]["conditions"] == ["all trials"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b-codes.h5", "b.h5", "b.svg", "net.h5"]


def test_chosen_trials_without_a_label_have_no_codes(call, tmp_path, pictures):
    code, text, _ = call("bursts", network(tmp_path), "--where", "side=left", "-o", tmp_path / "b")
    assert code == 0
    found = BurstStatistics.load(tmp_path / "b.h5")
    assert found.n_trials == (N_TRIALS // 2,)
    assert not (tmp_path / "b-codes.h5").exists()
    assert len([ax for ax in pictures[0].axes if ax.get_title(loc="left")]) == 3
    assert text.strip() == found.summary()


def test_counts_of_a_recording_with_trials_of_different_lengths(call, tmp_path):
    lengths = np.where(np.arange(N_TRIALS) % 3, N_SAMPLES, 150)
    kept = np.arange(N_SAMPLES) < lengths[:, None]
    counts = np.where(kept[:, :, None], 2.0 * spikes(), np.nan)
    archive = network(tmp_path, activity=counts, trials={"n_samples": lengths, "side": SIDE}, states={}, units={})
    words = ["--array", "activity", "--split-runs", "--label", "side", "--permutations", "0", "--min-spikes", "5"]
    code, _, err = call("bursts", archive, *words, "-o", tmp_path / "b")
    assert (code, err) == (0, "")
    found = BurstStatistics.load(tmp_path / "b.h5")
    trains = burst_trains(2 * spikes(), TIME, 0.016, min_spikes=5, merge_runs=False, mask=kept)
    np.testing.assert_array_equal(found.unit_event_rates, burst_statistics(trains).unit_event_rates)
    assert np.nanmax(found.spikes_per_burst) == 8  # four samples of two
    assert found.groups == ("all units",)


def test_several_files_have_results_of_their_own(call, tmp_path):
    paths = [network(tmp_path, name) for name in ("one.h5", "two.h5")]
    code, text, _ = call("bursts", *paths, "--label", "side", "--permutations", "0", "-o", tmp_path / "b")
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"b-one.h5", "b-one-codes.h5", "b-two.png", "b-two-codes.h5"}
    assert text.count("bursts less singles") == 2


REFUSED = [
    ({}, ["--label", "sde"], "unknown trial column 'sde': did you mean 'side'"),
    ({}, ["--label", "side", "--value", "contrast"], "--value: cannot be combined with --label"),
    ({}, ["--label", "same"], "labels: all 40 are '1.0', expected at least two different labels"),
    ({}, ["--value", "side"], "values: expected real numbers"),
    ({}, ["--array", "activity"], "expected the number of spikes in each sample"),
    ({}, ["--max-interval", "0.001"], "max_interval: expected at least 0.002 s (2 samples), found 0.001"),
    ({}, ["--min-spikes", "1"], "Invalid value for '--min-spikes'"),
    ({}, ["--epoch", "cu"], "unknown epoch 'cu': did you mean 'cue'"),
    ({"states": {"spikes": 2 * spikes()}}, [], "merged to one spike; for counts, merge_runs=False"),
    ({"states": {}}, [], "holds no spikes; where the activity counts spikes, choose it with --array activity"),
    ({"time": np.geomspace(0.1, 0.3, N_SAMPLES)}, [], "at equal intervals"),
]


@pytest.mark.parametrize(("changes", "options", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_bad_input_is_one_line_and_code_2(changes, options, words, call, tmp_path):
    code, out, err = call("bursts", network(tmp_path, **changes), "-o", tmp_path / "b", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["net.h5"]
