"""The studies of the cells that spike: every printed number comes out, and what else the tables and pictures say."""

import dataclasses

import numpy as np
import pytest

from dynascope.reproductions.prc import loop, sodium, sodium_sweep
from dynascope.reproductions.prc import published_spikes as published
from dynascope.reproductions.study import Scale, Workbench, run_study
from dynascope.trainers.prc.back_propagation import BackPropagatingNeuron

COARSE = Scale(1, {"peak_step": 0.5, "threshold_step": 0.3, "width_step": 0.05})


def run(study, folder):
    scales = {"small": COARSE} if study is sodium.STUDY else study.scales
    return run_study(Workbench(dataclasses.replace(study, scales=scales), folder, executor="serial"))


@pytest.fixture(scope="module")
def found():
    return {drug: loop.responses(drug) for drug in published.DRUGS}


@pytest.mark.parametrize(("study", "n_rows"), [(sodium.STUDY, 6 + 6), (loop.STUDY, 3 + 5 + 6)])
def test_all_printed_numbers_come_out(study, n_rows, tmp_path):
    findings, text = run(study, tmp_path)
    verdicts = [row[-1] for table in findings.tables if table.header[-1] == "agrees" for row in table.rows]
    assert verdicts == ["yes"] * n_rows
    assert all(path.exists() for path in findings.files)
    assert "nan" not in text
    again, _ = run(study, tmp_path / "again")
    assert [table.rows for table in again.tables] == [table.rows for table in findings.tables]
    assert again.remarks == findings.remarks
    for own, other in zip(findings.files, again.files, strict=True):
        assert own.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"soma": "0.195460"}, {"membrane": "0.441064"}, {"dendrite": "0.925177"}, {"time": "8.465"},
        {"pulse": ("7.465", "8.464")}, {"pulse": ("7.464", "8.463")},
    ],
)  # fmt: skip
def test_stored_simulations_that_differ_are_not_called_equal(change, monkeypatch):
    one = published.SODIUM_RUNS["1"][-1]
    assert sodium.agree(sodium.differences("1", one)) == "yes"
    changed = dataclasses.replace(one, **change)
    monkeypatch.setattr(published, "SODIUM_RUNS", {"1": (changed,)})
    assert sodium.stored_table().rows[0][-1] == "NO"


@pytest.mark.parametrize(
    ("name", "condition", "change"),
    [
        ("bursting", "soma", {"onsets": ("24.0", "48.5", "77.6")}),
        ("bursting", "soma", {"onsets": ("24.0", "48.5", "77.6", "106.9")}),
        ("bursting", "dendrite", {"soma": "0.2374"}),
        ("bursting", "dendrite", {"onsets": ("200.0",)}),
        ("coincidence", "dendrite +15 ms", {"dendrite": "0.24"}),
    ],
)
def test_spikes_that_differ_are_not_called_equal(name, condition, change, found):
    theirs = {**published.LOOP[name]}
    theirs[condition] = dataclasses.replace(theirs[condition], **change)
    rows = loop.onset_table("", found["no drug"][name], theirs, "").rows
    assert [row[0] for row in rows if row[-1] == "NO"] == [condition]


@pytest.mark.parametrize("change", [{"count": 2}, {"latency": "11.2"}])
def test_gains_that_differ_are_not_called_equal(change, found, monkeypatch):
    theirs = {**published.LOOP["gain"]}
    theirs["soma 3, dendrite 0"] = dataclasses.replace(theirs["soma 3, dendrite 0"], **change)
    monkeypatch.setitem(published.LOOP, "gain", theirs)
    assert [row[-1] for row in loop.gain_table(found["no drug"]["gain"]).rows] == ["NO", *["yes"] * 5]


def test_responses_are_to_the_published_conditions_and_parts_of_the_record(found):
    for experiments in found.values():
        assert {name: set(one) for name, one in experiments.items()} == {
            name: set(one) for name, one in published.LOOP.items()
        }
    parts = list(found["no drug"]["bursting"].values())
    np.testing.assert_allclose(np.concatenate([one.time for one in parts]), 10 + 0.1 * np.arange(4000))
    on = [[bool(one.inputs[name][0]) for name in ("somatic", "dendritic")] for one in parts]
    assert on == [[True, False], [False, True], [True, True]]
    for one in parts:
        assert ((one.onsets >= one.time[0]) & (one.onsets <= one.time[-1])).all()
        assert (one.traces["soma"][np.isin(one.time.round(1), one.onsets.round(1))] == 30).all()


def test_bursts_need_the_loop(found):
    within = {drug: one["bursting"]["both"].bursts[1] for drug, one in found.items()}
    assert len(within["no drug"]) == 4
    assert len(within["BAP blocked"]) == len(within["sodium blocked"]) == 0
    # Without its conductance the dendrite is silent, and the soma fires as if alone, but for a BAP without effect.
    soma, both = (found["sodium blocked"]["bursting"][name] for name in ("soma", "both"))
    np.testing.assert_allclose(both.onsets - both.time[0], soma.onsets - soma.time[0])
    assert max(one.dendrite for one in found["sodium blocked"]["coincidence"].values()) == 0
    for name, control in found["no drug"]["gain"].items():
        assert len(found["BAP blocked"]["gain"][name].onsets) <= len(control.onsets)


def test_bursts_are_groups_of_printed_spikes(found):
    one = found["no drug"]["bursting"]["both"]
    sizes, within, between = one.bursts
    apart = np.diff(one.onsets)
    assert sizes.tolist() == [3, 2, 2]
    np.testing.assert_allclose(within, apart[apart <= loop.BURST_INTERVAL])
    np.testing.assert_allclose(between, apart[apart > loop.BURST_INTERVAL])
    assert [len(each) for each in found["no drug"]["bursting"]["dendrite"].bursts] == [0, 0, 0]


def test_cells_of_a_sweep_are_of_the_kind_that_their_traces_say():
    peaks, thresholds, widths = np.array([0.0, 1.6, 2.3, 2.9]), np.array([1.4, 2.2]), np.array([0.2])
    kinds = sodium_sweep.sweep(peaks, thresholds, widths, 0.19).kinds()
    expected = np.zeros((4, 2, 1), int)
    for row, peak in enumerate(peaks):
        for column, threshold in enumerate(thresholds):
            neuron = BackPropagatingNeuron(peak, threshold, 0.2)
            whole, blocked = (one.traces(sodium_sweep.TIME) for one in (neuron, neuron.blocked(["bap"])))
            at, before = whole["dendrite"].argmax(), blocked["dendrite"].argmax()
            if whole["sodium"][at] < 3 * sodium_sweep.SPIKE_SHARE:
                continue
            local = blocked["sodium"][before] >= 3 * sodium_sweep.SPIKE_SHARE
            fires = whole["spike"].max() > 0
            expected[row, column] = 1 if not fires else 2 if local else 3
            assert not fires or sodium_sweep.TIME[at] > neuron.spike_times
    np.testing.assert_array_equal(kinds, expected)
    assert set(kinds.ravel().tolist()) == {0, 1, 2, 3}


def test_kinds_are_told_apart_by_share_and_order():
    share, without = np.array([0.1, 0.2, 0.2, 0.2, 0.2]), np.array([0.2, 0.2, 0.2, 0.1, 0.2])
    swept = sodium_sweep.Sweep(share, without, np.array([1.0, -np.inf, 1.0, 1.0, -1.0]))
    assert swept.kinds().tolist() == [0, 1, 2, 3, 4]
    assert swept.kinds(0.2).tolist() == [0, 1, 2, 3, 4]
    assert swept.kinds(0.3).tolist() == [0] * 5


def test_the_published_sweep_has_its_6710_cells_and_a_bap_only_adds_spikes():
    axes = sodium.sweep_axes(sodium.STUDY.scales["paper"].budget)
    assert [len(one) for one in axes] == [61, 10, 11]
    np.testing.assert_allclose(
        np.concatenate([one[[0, 1, -1]] for one in axes]), [0, 0.05, 3, 1.4, 1.5, 2.3, 0.2, 0.21, 0.3]
    )
    high, low = (sodium_sweep.sweep(*axes, threshold) for threshold in (1.0, 0.19))
    # At a somatic threshold of 1 no stimulus of the sweep makes a somatic spike; at 0.19 those of 1.75 and above do.
    assert np.isinf(high.lag).all()
    assert (np.isfinite(low.lag) == (axes[0] > 1.7028)[:, None, None]).all()
    assert set(np.unique(high.kinds())) == {0, 1}
    assert ((high.kinds() > 0) <= (low.kinds() > 0)).all()
    np.testing.assert_array_equal(low.share_without_bap, high.share)
