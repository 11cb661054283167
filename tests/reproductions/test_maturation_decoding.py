"""The decoding figure: what is read off a matrix, the worker, tables and remarks, against plain computation."""

import dataclasses

import numpy as np
import pytest

from dynascope.analysis import cross_temporal_decoding
from dynascope.analysis.decoding import CrossTemporalDecoding
from dynascope.readers import open_archive
from dynascope.reproductions.maturation import decoding
from dynascope.reproductions.maturation.code_width import reach, read
from dynascope.reproductions.maturation.networks import networks
from dynascope.trainers import History
from dynascope.trainers.sweeps import Job, Task

EPOCHS = {"fix1": (0.0, 1.0), "stim1": (1.0, 1.5), "delay1": (1.5, 3.0), "go1": (3.0, 3.5)}
STARTS = np.round(0.02 * np.arange(166), 2)


def matrix(accuracy):
    """A result with a given matrix of 166 windows of 200 ms every 20 ms."""
    return CrossTemporalDecoding(
        scores=np.asarray(accuracy, float)[None], n_tested=np.array([128]), time=STARTS + 0.09, time_unit="s",
        window=10, stride=1, labels=tuple("01234567"), folds=("0",), classifier="svm", scheme="", chance=0.125,
        n_trials=128, n_units=4, epochs=EPOCHS, input_digest="",
    )  # fmt: skip


def banded(width, base=0.125):
    """Perfect up to ``width`` s between windows from 0.88 s on, chance elsewhere."""
    apart = np.abs(STARTS[:, None] - STARTS)
    known = np.minimum(STARTS[:, None], STARTS) >= 0.88
    return np.where((apart < width + 0.01) & known, 1.0, base)


def test_readings_of_a_band():
    found = read(matrix(banded(0.1)))
    assert found.before_cue == 0.125
    assert found.onset == pytest.approx(0.88)
    assert found.half_width == pytest.approx(100)
    assert found.full_width == pytest.approx(100)
    assert found.cue_width == pytest.approx(0.2)
    assert found.far == 0.125
    assert found.island == 0.125
    block = banded(0.1)[75:141, 75:141]  # windows that start at 1.5 s and stop at 3.0 s
    assert found.delay == pytest.approx(block.mean())
    near = np.abs(np.subtract.outer(np.arange(66), np.arange(66))) <= 10
    assert found.near == pytest.approx(block[near].mean())


def test_readings_of_single_places():
    accuracy = banded(0.1)
    accuracy[50, 135] = 0.8  # trained at 1.0 s, tested at 2.7 s
    assert read(matrix(accuracy)).island == 0.8
    assert read(matrix(accuracy.T)).island == 0.8
    accuracy = banded(0.1)
    accuracy[86, 130] = 0.9  # 1.72 s is after the early windows
    assert read(matrix(accuracy)).island == 0.125
    accuracy[80, 140] = 1.0  # 1.2 s apart
    assert read(matrix(accuracy)).far > 0.125
    accuracy = banded(0.1)
    accuracy[:41, :41] = np.where(np.eye(41), 0.5, 0.125)  # all windows before the cue
    accuracy[41, 41] = 0.96  # the first that sees it
    found = read(matrix(accuracy))
    assert found.before_cue == 0.5
    assert found.near_before_cue == 0.125
    accuracy[3, 13] = 0.5
    pairs = sum(0 < abs(one - other) <= 10 for one in range(41) for other in range(41))
    assert read(matrix(accuracy)).near_before_cue == pytest.approx(0.125 + 0.375 / pairs)
    accuracy[3, 14] = 0.5  # 0.22 s apart
    assert read(matrix(accuracy)).near_before_cue == pytest.approx(0.125 + 0.375 / pairs)
    assert found.onset == pytest.approx(0.82)


def test_widths_are_of_one_piece_and_of_windows_inside_the_delay():
    accuracy = np.where(banded(0.1) == 1, 1.0, np.where(banded(0.2) == 1, 0.6, 0.125))
    accuracy[:, 165] = 1.0  # an island does not widen the band
    found = read(matrix(accuracy))
    assert found.full_width == pytest.approx(100)
    assert found.half_width == pytest.approx(200)
    edges = banded(0.1)
    edges[:90] = 1.0  # windows that start before 1.8 s
    assert read(matrix(edges)).half_width == pytest.approx(100)


def test_reach():
    row = np.array([0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.2, 0.9])
    assert reach(row, 3, 0.5).tolist() == [1, 2]
    assert reach(row, 0, 0.5).tolist() == [0, 0]
    assert reach(row, 7, 0.5).tolist() == [0, 0]
    assert reach(np.ones(4), 1, 0.5).tolist() == [1, 2]
    assert np.isnan(reach(row, 1, 0.5)).all()


def test_nothing_to_read_is_nan():
    found = read(matrix(np.full((166, 166), 0.125)))
    assert np.isnan([found.onset, found.half_width, found.full_width, found.cue_width, found.stability]).all()
    assert found.delay == 0.125


def test_the_worker_decodes_one_checkpoint_by_either_scheme(maturation, tmp_path):
    bench = maturation()
    (network,) = networks(bench)
    seen = int(network.trials_seen[-1])
    tasks = [
        Task(
            "dynascope.reproductions.maturation.decoding:decode",
            {"checkpoint": seen, "scheme": scheme, "stride": 30}, {}, {"archive": str(network.path)},
        )
        for scheme in decoding.SCHEMES
    ]  # fmt: skip
    job = Job(tuple(tasks), tmp_path)
    decoding.decode(job)
    with open_archive(network.path, verify=False) as archive:
        recording = History(archive, "odr", [seen])[0]
    options = ({"mode": "published"}, {"classifier": "rbf_svm", "cv": 8})
    for path, own in zip(job.outputs, options, strict=True):
        found = CrossTemporalDecoding.load(path)
        plain = cross_temporal_decoding(np.array(recording.activity), recording.trials["cue"], 10, 30, **own)
        np.testing.assert_array_equal(found.accuracy, plain.accuracy)
        assert tuple(found.epochs["delay1"]) == (1.5, 3.0)
        np.testing.assert_allclose(found.time[:2], [0.09, 0.69])


def decoded(widths, held_out=0.06):
    """Matrices of a mature stage for some networks, and one early matrix at chance."""
    early = {"early": {"a": matrix(np.full((166, 166), 0.125))}, "mid": {}}
    return {
        "published": {**early, "mature": {name: matrix(banded(width)) for name, width in widths.items()}},
        "held out": {**early, "mature": {name: matrix(banded(held_out)) for name in widths}},
    }


def test_tables_remarks_and_figure(maturation):
    result = decoding.findings(decoded({"a": 0.1, "b": 5.0}), 3, maturation("decoding"))
    rows = {row[0]: row[1:] for row in result.tables[0].rows}
    assert rows["same window, before the cue"][:2] == ["0.12", "–"]
    assert rows["delay by delay, ≥ 0.5 s apart"][2].startswith("0.56")  # of 0.125 and 1
    assert rows["delay by delay, ≥ 0.5 s apart"][3] == "0.125"
    assert rows["networks"] == ["1", "0", "2", "1"]
    assert "in 1 of 2 networks" in result.remarks[0]
    assert "in 2 of 2 networks" in result.remarks[1]
    assert "the reverse, in 1;" in result.remarks[0]
    assert "the reverse, in 0;" in result.remarks[1]
    one, other, honest = (read(matrix(banded(width))).near for width in (0.1, 5.0, 0.06))
    added = np.mean([0, one - honest, other - honest])
    assert "adds +0.000 to" in result.remarks[2]
    assert f"and {added:+.3f} in the delay" in result.remarks[2]
    assert "3 checkpoints" in result.remarks[2]
    assert "1 of 3 networks have no mature stage" in result.remarks[3]
    assert result.files[0].exists()


def test_networks_without_a_stage_leave_dashes_and_no_figure(maturation):
    empty = {scheme: {"early": {}, "mid": {}, "mature": {}} for scheme in decoding.SCHEMES}
    result = decoding.findings(empty, 1, maturation("decoding"))
    assert {cell for row in result.tables[1].rows[:-1] for cell in row[1:]} == {"–"}
    assert not result.files
    assert dataclasses.asdict(result)["values"]["published"]["early"] == {}
