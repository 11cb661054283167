"""``dynascope psth`` on small archives made by hand."""

import json

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import PSTH, StagePSTH, Stages, TrainingGrowth, preferred_psth, psth, stage_psth
from dynascope.readers import Recording, write_archive

TIME = 0.05 * np.arange(30)
CUES = np.tile(np.arange(4), 6)
EPOCHS = {"fix": (0.0, 0.5), "cue": (0.5, 0.8), "delay": (0.8, 1.5)}


def activity(seed=0, gain=1.0):
    rng = np.random.default_rng(seed)
    shape = np.cos((CUES[:, np.newaxis] - np.arange(6) % 4) * np.pi / 2)
    return 4 + rng.standard_normal((24, 30, 6)) + gain * shape[:, np.newaxis] * (TIME >= 0.5)[:, np.newaxis]


def recording(seed=0, gain=1.0, **changes):
    fields = {
        "activity": activity(seed, gain), "time": TIME, "trials": {"cue": CUES, "correct": CUES < 3}, "epochs": EPOCHS,
    }  # fmt: skip
    return Recording(**{**fields, **changes})


def network(path, **changes):
    return write_archive(path / "net.h5", {"final": recording(**changes)})


def training(path, name, seed, rules=("odr",)):
    """An archive of one network followed through training: four checkpoints for each rule."""
    found = {}
    for number, (performance, gain) in enumerate([(0.2, 0.0), (0.5, 1.0), (0.9, 2.0), (1.0, 2.0)]):
        for rule in rules:
            attrs = {"performance": performance, "trials_seen": 1280 * number, "rule": rule}
            found[f"{1280 * number}/{rule}"] = recording(seed + number, gain, attrs=attrs)
    found["probe"] = recording()  # states neither
    return write_archive(path / f"{name}.h5", found)


@pytest.fixture
def pictures(monkeypatch):
    """Collect the figures that commands save."""
    kept = []
    save = plotting.save
    monkeypatch.setattr(plotting, "save", lambda figure, path: kept.append(figure) or save(figure, path))
    return kept


def test_averages_each_condition(call, tmp_path, pictures):
    archive = network(tmp_path, array_units={"activity": "Hz"})
    code, text, err = call("psth", archive, "--label", "cue", "-o", tmp_path / "p")
    assert (code, err) == (0, "")
    found = PSTH.load(tmp_path / "p.h5")
    expected = psth(activity(), TIME, CUES)
    np.testing.assert_allclose(found.mean, expected.mean)
    assert (found.conditions, found.quantity) == (("0", "1", "2", "3"), "activity (Hz)")
    assert text.strip() == found.summary()
    [above] = pictures[0].child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["fix", "cue", "delay"]
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_aligned_smoothed_and_relative_to_a_baseline(call, tmp_path, pictures):
    starts = np.linspace(0.5, 0.8, 24)
    epochs = {**EPOCHS, "go": np.stack([starts, starts + 0.2], axis=1)}
    code, _, err = call(
        "psth", network(tmp_path, epochs=epochs), "--label", "cue", "--align", "go", "--window", "-0.2", "0.4",
        "--kernel", "gaussian", "--width", "0.06", "--baseline", "fix", "--normalize", "zscore", "-o", tmp_path / "p",
        "--format", "svg", "--unit", "2", "--interval", "bootstrap",
    )  # fmt: skip
    assert (code, err) == (0, "")
    found = PSTH.load(tmp_path / "p.h5")
    expected = psth(
        activity(), TIME, CUES, align=starts, window=(-0.2, 0.4), kernel="gaussian", width=0.06, baseline=(0, 0.5),
        normalize="zscore", interval="bootstrap",
    )  # fmt: skip
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.low, expected.low)
    assert pictures[0].get_title(loc="left").startswith("Unit 2")
    [above] = pictures[0].child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["go"]  # the others move from trial to trial
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.h5", "p.h5", "p.svg"]


def test_preferred_labels_and_a_chosen_epoch_and_trials(call, tmp_path):
    code, text, _ = call(
        "psth", network(tmp_path), "--label", "cue", "--preferred", "cue", "--epoch", "delay", "--where", "cue!=3",
        "--json", "-o", tmp_path / "p", "--baseline", "fix",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    kept = CUES != 3
    expected = preferred_psth(
        activity()[kept], TIME, CUES[kept], (0.5, 0.8), baseline=(0.0, 0.5), window=(0.8, 1.5)
    )  # fmt: skip
    np.testing.assert_allclose(values["mean"], expected.mean)
    assert values["conditions"] == ["preferred", "opposite"]


def test_several_files_have_a_result_each(call, tmp_path):
    for name in ("a", "b"):
        write_archive(tmp_path / f"{name}.h5", {"final": recording()})
    code, text, _ = call("psth", tmp_path / "a.h5", tmp_path / "b.h5", "-o", tmp_path / "p")
    assert code == 0
    assert text.count("all trials") == 2
    assert PSTH.load(tmp_path / "p-a.h5").conditions == ("all trials",)
    assert (tmp_path / "p-b.png").is_file()


def test_stages_of_several_networks(call, tmp_path, pictures):
    paths = [training(tmp_path, f"seed{seed}", 10 * seed, rules=("odr", "gap")) for seed in range(3)]
    code, text, err = call(
        "psth", *paths, "--stages", "--rule", "odr", "--label", "cue", "--preferred", "cue", "--baseline", "fix",
        "--measure", "delay", "-o", tmp_path / "m",
    )  # fmt: skip
    assert (code, err.strip()) == (0, "12 checkpoints of 3 network(s)")
    found = StagePSTH.load(tmp_path / "m.h5")
    runs = [activity(10 * seed + number, gain) for seed in range(3) for number, gain in enumerate([0, 1, 2, 2])]
    expected = stage_psth(
        runs, TIME, CUES, ["early", "mid", "mature", "mature"] * 3, epoch=(0.5, 0.8), baseline=(0.0, 0.5),
        measure=(0.8, 1.5), networks=np.repeat([0, 1, 2], 4),
    )  # fmt: skip
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.epoch_difference_low, expected.epoch_difference_low)
    assert Stages.load(tmp_path / "m-stages.h5").networks == ("seed0", "seed1", "seed2")
    growth = TrainingGrowth.load(tmp_path / "m-growth.h5")
    np.testing.assert_allclose(growth.trials_seen, [0, 1280, 2560, 3840])
    np.testing.assert_allclose(growth.value[:, 0], [0, 1, 2, 2], atol=0.35)
    assert len([ax for ax in pictures[0].axes if ax.get_title(loc="left")]) == 4
    assert "mature − early" in text


def test_stages_of_one_network_with_chosen_trials_and_another_array(call, tmp_path):
    path = training(tmp_path, "one", 0)
    code, text, _ = call(
        "psth", path, "--stages", "--label", "cue", "--where", "correct=true", "--align", "cue", "--window", "-0.2",
        "0.5", "--json", "-o", tmp_path / "m", "--stage-mode", "matched", "--quiet",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    assert values["stages"]["mode"] == "matched"
    assert values["psth"]["conditions"] == ["0", "1", "2"]
    assert values["psth"]["drawn"] == "units"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m-stages.h5", "m.h5", "m.png", "one.h5"]


REFUSED = [
    (["--label", "cu"], "unknown trial column 'cu': did you mean 'cue'"),
    (["--align", "delai"], "unknown epoch 'delai': did you mean 'delay'"),
    (["--epoch", "cue", "--align", "cue"], "--epoch: give either an epoch or --align and --window, not both"),
    (["--preferred", "cue"], "--preferred: needs --label"),
    (["--population", "selective"], "--mode and --population: need --preferred EPOCH"),
    (["--measure", "delay"], "--measure: needs --stages"),
    (["--stages", "--unit", "1"], "leave out --recording and --unit"),
    (["--stages"], "no recording states performance and trials_seen"),
    (["--unit", "9"], "unit: expected a number from 0 to 5, found 9"),
    (["--interval", "poisson"], "interval='poisson' is for counts"),
    (["--kernel", "gaussian", "--width", "9"], "width: expected"),
    (["--normalize", "baseline"], "normalize='baseline' needs baseline"),
    (["--array", "spikes"], "unknown array 'spikes'"),
    (["--window", "3", "4"], "window: no sample lies in"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_one_line_and_code_2(options, words, call, tmp_path):
    code, out, err = call("psth", network(tmp_path), "-o", tmp_path / "p", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0


def test_stages_refuse_what_they_cannot_tell_apart(call, tmp_path):
    both = training(tmp_path, "both", 0, rules=("odr", "gap"))
    assert "recordings of several rules: gap, odr; choose one with --rule" in call(
        "psth", both, "--stages", "-o", tmp_path / "m"
    )[2]  # fmt: skip
    assert (
        "of the rule 'od' (found: gap, odr)" in call("psth", both, "--stages", "--rule", "od", "-o", tmp_path / "m")[2]
    )
    (tmp_path / "again").mkdir()
    same = training(tmp_path / "again", "both", 1)
    assert "another network is called both too" in call("psth", both, same, "--stages", "-o", tmp_path / "m")[2]
