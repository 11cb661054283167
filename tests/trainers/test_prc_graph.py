"""Cells as graphs: what may be declared, in what order it is computed, and what drugs block."""

import itertools

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.trainers.prc import cells
from dynascope.trainers.prc.graph import Cell, Source, Subunit, components
from dynascope.trainers.prc.kernels import Exponential
from dynascope.trainers.prc.nonlinearities import Identity, Sigmoid, Step
from dynascope.trainers.prc.simulation import simulate

LATE = Exponential(2.0, delay=1)


def groups(cell):
    at_once = {one.name: one.kernel.recursion(0.1).least_lag == 0 for one in cell.subunits}
    return [tuple(one.name for one in group) for group in components(cell, at_once)]


@pytest.mark.parametrize(
    ("inputs", "names", "words"),
    [
        (("x",), ("a", "a"), "two parts called 'a'"),
        (("x",), ("x",), "two parts called 'x'"),
        (("x", "x"), ("a",), "two parts called 'x'"),
    ],
)
def test_names_are_used_once(inputs, names, words):
    with pytest.raises(InputError, match=words):
        Cell(inputs, tuple(Subunit(name, ["x"]) for name in names))


def test_unknown_sources_are_answered_with_the_nearest_name():
    with pytest.raises(InputError, match="unknown source of subunit soma 'dendrit': did you mean 'dendrite'"):
        Cell(("input",), (Subunit("dendrite", ["input"]), Subunit("soma", ["dendrit"])))


def test_what_a_subunit_cannot_be():
    with pytest.raises(InputError, match="delay -1 of subunit a: expected at least 0"):
        Subunit("a", ["x"], delay=-1)
    with pytest.raises(InputError, match="subunit a: channel 'sodium' needs a sigmoid to block"):
        Subunit("a", ["x"], channel="sodium")
    with pytest.raises(InputError, match=r"width of a sigmoid 0\.0: expected above 0"):
        Sigmoid(1.0, 0.0, 0.0)


def test_subunits_are_found_by_name():
    cell = cells.nmda()
    assert cell["calcium"].inlets == (Source("calcium_membrane"), Source("calcium_conductance"))
    assert cell["calcium"].is_linear
    assert not cell["calcium_conductance"].is_linear
    with pytest.raises(InputError, match="unknown subunit 'nmd': did you mean 'nmda'"):
        cell["nmd"]


def test_sources_come_before_what_they_feed_and_loops_stay_together():
    feed_forward = groups(cells.nmda())
    assert sorted(feed_forward) == sorted((one.name,) for one in cells.nmda().subunits)
    assert feed_forward.index(("sodium",)) < feed_forward.index(("nmda_membrane",))
    assert [sorted(group) for group in groups(cells.loop())] == [["adaptation", "dendrite", "soma"]]
    cell = Cell(
        ("x",),
        (
            Subunit("after", ["b"]),
            Subunit("a", ["x", "b"], LATE),
            Subunit("b", ["a"]),
            Subunit("itself", ["before", "itself"], LATE),
            Subunit("before", ["x"]),
        ),
    )
    found = groups(cell)
    assert ("a", "b") in found
    assert found.index(("a", "b")) < found.index(("after",))
    assert found.index(("before",)) < found.index(("itself",))
    assert len(found) == 4


@pytest.mark.parametrize("name", ["sodium", "nmda", "loop"])
def test_the_order_of_declaration_does_not_matter(name):
    cell = cells.CELLS[name]()
    x = np.random.default_rng(0).normal(2, 2, (len(cell.inputs), 300))
    inputs = dict(zip(cell.inputs, x, strict=True))
    wanted = simulate(cell, inputs, 0.1)
    assert any(trace.any() for trace in wanted.values())
    orders = list(itertools.permutations(range(3))) if name == "loop" else []
    draws = np.random.default_rng(1)
    orders += [tuple(draws.permutation(len(cell.subunits))) for _ in range(4)]
    for order in orders:
        found = simulate(Cell(cell.inputs, tuple(cell.subunits[index] for index in order)), inputs, 0.1)
        assert found.keys() == wanted.keys()
        assert all(np.array_equal(found[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize(
    ("kernels", "delays", "timeless"),
    [
        ((None, None), (0, 0), True),
        ((Exponential(2.0), Exponential(2.0)), (0, 0), True),
        ((LATE, None), (0, 0), False),
        ((None, LATE), (0, 0), False),
        ((None, None), (0, 1), False),
        ((None, None), (1, 0), False),
    ],
)
def test_loops_need_a_delay(kernels, delays, timeless):
    options = [{} if kernel is None else {"kernel": kernel} for kernel in kernels]
    cell = Cell(
        ("x",),
        (
            Subunit("a", ["x", Source("b", 0.5)], **options[0], delay=delays[0]),
            Subunit("b", ["a"], **options[1], delay=delays[1]),
        ),
    )
    if timeless:
        with pytest.raises(InputError, match="the loop through a, b takes no time: expected a delay of a step"):
            simulate(cell, {"x": np.ones(4)}, 0.1)
    else:
        assert np.isfinite(simulate(cell, {"x": np.ones(4)}, 0.1)["b"]).all()


def test_a_subunit_that_drives_itself_at_once_is_refused():
    with pytest.raises(InputError, match="the loop through a takes no time"):
        simulate(Cell(("x",), (Subunit("a", ["x", "a"]),)), {"x": np.ones(4)}, 0.1)


def test_channels():
    found = {name: make().channels for name, make in cells.CELLS.items()}
    assert found == {
        "lnl": ("sodium",),
        "sodium": ("bap", "sodium"),
        "nmda": ("sodium", "calcium", "nmda"),
        "loop": ("sodium", "bap"),
    }


def test_a_block_takes_the_gain_and_leaves_the_passive_part():
    cell = cells.nmda()
    blocked = cell.blocked(["sodium", "calcium"])
    for name in ("sodium", "calcium"):
        assert blocked[f"{name}_conductance"].nonlinearity.gain == 0
        assert blocked[f"{name}_membrane"] == cell[f"{name}_membrane"]
    assert blocked["nmda_conductance"] == cell["nmda_conductance"]
    assert cell["sodium_conductance"].nonlinearity.gain == 2.1  # what was blocked is another cell
    x = {"dendritic": np.random.default_rng(0).normal(3, 1, 200)}
    control, drug = (simulate(one, x, 0.1) for one in (cell, blocked))
    assert np.array_equal(drug["sodium"], control["sodium_membrane"])
    assert not np.array_equal(control["sodium"], control["sodium_membrane"])
    with_passive = Subunit("d", ["x"], LATE, Sigmoid(1.0, 0.5, 0.1, passive=1.0), channel="sodium")
    traces = simulate(Cell(("x",), (with_passive,)).blocked(["sodium"]), {"x": np.ones(9)}, 0.1)
    assert np.array_equal(traces["d"], traces["d_drive"])


def test_a_block_takes_the_connection():
    cell = cells.loop().blocked(("bap",))
    assert [source.weight for source in cell["dendrite"].inlets] == [1.0, 0.0]
    x = np.random.default_rng(0).normal(3, 1, (2, 400))
    dendritic, somatic = x
    both = simulate(cell, {"dendritic": dendritic, "somatic": somatic}, 0.1)
    alone = simulate(cell, {"dendritic": dendritic, "somatic": np.zeros(400)}, 0.1)
    assert both["soma"].any()
    assert np.array_equal(both["dendrite"], alone["dendrite"])


def test_blocking_nothing_changes_nothing_and_unknown_channels_are_refused():
    assert cells.nmda().blocked(()) == cells.nmda()
    with pytest.raises(InputError, match="unknown channel to block 'calcum': did you mean 'calcium'"):
        cells.nmda().blocked(["sodium", "calcum"])
    with pytest.raises(InputError, match="unknown channel to block 'bap'"):
        cells.nmda().blocked(["bap"])


def test_other_numbers_in_one_nonlinearity():
    cell = cells.nmda().with_nonlinearity("nmda_conductance", gain=3.0, width=0.2)
    assert cell["nmda_conductance"].nonlinearity == Sigmoid(3.0, 0.8, 0.2)
    assert cell["nmda_conductance"].channel == "nmda"
    others = [one.name for one in cell.subunits if one.name != "nmda_conductance"]
    assert all(cell[name] == cells.nmda()[name] for name in others)
    assert [one.name for one in cell.subunits] == [one.name for one in cells.nmda().subunits]


def test_nonlinearities():
    x = np.array([-1.0, 0.0, 1.5, 2.0, 1e4, -1e4])
    assert Step(1.5, height=30.0)(x).tolist() == [0, 0, 30, 30, 30, 0]
    assert np.array_equal(Identity()(x), x)
    assert Sigmoid(2.0, 1.5, 0.5)(x)[[2, 4, 5]].tolist() == [1.0, 2.0, 0.0]
    assert Sigmoid(2.0, 1.5, 0.5)(x)[3] == pytest.approx(2 / (1 + np.exp(-1)))
    assert Sigmoid(2.0, 1.5, 0.5, passive=1.0)(x)[:4] == pytest.approx(x[:4] + Sigmoid(2.0, 1.5, 0.5)(x)[:4])
