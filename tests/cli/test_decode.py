"""``dynascope decode`` on recordings with a planted code: one archive, several, pooled and across."""

import json

import numpy as np
import pytest

from dynascope.analysis import CrossTemporalDecoding, cross_temporal_decoding
from dynascope.readers import Recording, write_archive

CUE = np.tile(["left", "right"], 24)
CONTEXT = np.repeat(["a", "b"], 24)


def session(path, *, n_units=12, seed=0, area="PFC", n_samples=20):
    rng = np.random.default_rng(seed)
    activity = rng.standard_normal((48, n_samples, n_units))
    time = np.arange(n_samples) * 0.1
    shown = ((time >= 0.5) & (time < 1.5))[None, :, None]
    activity += 2 * shown * (CUE == "right")[:, None, None] * np.sign(np.random.default_rng(9).standard_normal(n_units))
    recording = Recording(
        activity, time, trials={"cue": CUE, "context": CONTEXT, "block": np.arange(48) // 4, "same": np.zeros(48)},
        units={"area": np.array([area] * n_units)},
        epochs={"cue": (0.5, 1.5), "late": np.array([(1.5, 1.8)] * 24 + [(1.6, 1.9)] * 24)},
    )  # fmt: skip
    write_archive(path, {"final": recording})
    return recording


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sessions")
    session(made / "one.h5")
    session(made / "two.h5", seed=1)
    session(made / "other.h5", seed=2, n_units=7)
    session(made / "elsewhere.h5", seed=3, area="PPC")
    session(made / "short.h5", seed=4, n_samples=19)
    return made


def test_decode_writes_a_result_and_a_picture(folder, call, tmp_path):
    code, text, _ = call(
        "decode", folder / "one.h5", "--label", "cue", "--window", "0.2", "--stride", "0.2", "--permutations", "40",
        "-o", tmp_path / "d",
    )  # fmt: skip
    assert code == 0
    assert "lda (shrinkage 0.1), 2 labels, 48 trials, 12 units, 10 windows of 2 samples" in text
    found = CrossTemporalDecoding.load(tmp_path / "d.h5")
    recording = session(tmp_path / "again.h5")
    np.testing.assert_array_equal(
        found.scores, cross_temporal_decoding(recording.activity, CUE, window=2, stride=2).scores
    )
    assert found.epochs == {"cue": [0.5, 1.5]}  # "late" differs between trials
    assert found.significant[3:7, 3:7].all()
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_decode_generalizes_and_prints_json(folder, call, tmp_path):
    words = ["--label", "cue", "--epoch", "cue", "--generalize", "context", "--format", "svg", "--json"]
    code, text, _ = call("decode", folder / "one.h5", *words, "-o", tmp_path / "g")
    assert code == 0
    found = json.loads(text)
    assert found["folds"] == ["a", "b"]
    assert np.shape(found["accuracy"]) == (10, 10)
    assert np.mean(found["accuracy"]) > 0.9
    assert (tmp_path / "g.svg").exists()


def test_decode_takes_archives_one_by_one_pooled_and_across(folder, call, tmp_path):
    words = ["--label", "cue", "--epoch", "cue", "--classifier", "ridge"]
    code, text, _ = call("decode", folder / "one.h5", folder / "two.h5", *words, "-o", tmp_path / "each")
    assert code == 0
    assert text.count("ridge (alpha 1.0)") == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        f"each-{n}.{e}" for n in ("one", "two") for e in ("h5", "png")
    }
    code, text, _ = call("decode", folder / "one.h5", folder / "other.h5", *words, "--pool", "-o", tmp_path / "pool")
    assert code == 0
    assert "19 units" in text
    assert CrossTemporalDecoding.load(tmp_path / "pool.h5").diagonal.mean() > 0.95
    code, text, _ = call("decode", folder / "one.h5", folder / "two.h5", *words, "--across", "-o", tmp_path / "across")
    assert code == 0
    assert "trained on one recording, tested on 48 trials of another" in text
    assert CrossTemporalDecoding.load(tmp_path / "across.h5").accuracy.mean() > 0.9


def test_decode_leaves_out_single_trials_and_repeats_the_published_scheme(folder, call, tmp_path):
    code, text, _ = call(
        "decode",
        folder / "one.h5",
        "--label",
        "cue",
        "--cv",
        "leave-one-out",
        "--shrinkage",
        "0.5",
        "-o",
        tmp_path / "l",
    )
    assert code == 0
    assert "each trial tested by decoders trained on all others" in text
    code, text, _ = call("decode", folder / "one.h5", "--label", "cue", "--mode", "published", "-o", tmp_path / "p")
    assert code == 0
    assert "these cells are too high" in text


REFUSED = [
    (["one"], ["--label", "clue"], "unknown trial column 'clue': did you mean 'cue'"),
    (["one"], ["--label", "same"], "labels: all 48 are '0.0', expected at least two different labels"),
    (["one"], ["--label", "cue", "--cv", "x"], "--cv x: expected a number of folds or leave-one-out"),
    (["one"], ["--label", "cue", "--cv", "²"], "--cv ²: expected a number of folds or leave-one-out"),
    (["one"], ["--label", "cue", "--stride", "nan"], "--stride nan: expected 0.1 s (one sample) to 2 s"),
    (["one"], ["--label", "cue", "--window", "9"], "--window 9: expected 0.1 s (one sample) to 2 s"),
    (["one"], ["--label", "cue", "--shrinkage", "big"], "--shrinkage big: expected a number from 0 to 1 or auto"),
    (["one"], ["--label", "cue", "--classifier", "svm", "--shrinkage", "0.1"], "unknown option 'shrinkage'"),
    (["one"], ["--label", "block"], "has 4 of 48 trials, cv=5 folds need at least 5"),
    (["one"], ["--label", "cue", "--across"], "--across: expected at least 2 archives, found 1"),
    (["one", "other"], ["--label", "cue", "--across"], "20 samples × 7 units"),
    (["one", "elsewhere"], ["--label", "cue", "--across"], "unit 0 has area 'PPC', in"),
    (["one", "short"], ["--label", "cue", "--pool"], "has other times than"),
    (["one", "two"], ["--label", "cue", "--pool", "--across"], "--pool: cannot be combined with --across"),
    (["one", "two"], ["--label", "cue", "--pool", "--groups", "block"], "--groups: cannot be combined with --pool"),
    (["one", "two"], ["--label", "cue", "--across", "--cv", "leave-one-out"], "cannot be combined with --across"),
]


@pytest.mark.parametrize(("names", "words", "expected"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_refusals_are_one_line(folder, call, tmp_path, names, words, expected):
    paths = [folder / f"{name}.h5" for name in names]
    code, out, err = call("decode", *paths, *words, "-o", tmp_path / "no")
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
