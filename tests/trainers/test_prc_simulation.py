"""Simulation of cells: against plain sums over the whole history, whole traces against steps, shapes, refusals."""

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.trainers.prc import cells
from dynascope.trainers.prc.experiments import published_stimulus
from dynascope.trainers.prc.graph import Cell, Source, Subunit
from dynascope.trainers.prc.kernels import Alpha, Boxcar, Difference, Exponential, Lag, Tabulated
from dynascope.trainers.prc.nonlinearities import Sigmoid, Step
from dynascope.trainers.prc.simulation import simulate

DT = 0.1


def plain_loop(somatic, dendritic):
    """The equations of the loop cell, every step a sum over the whole past."""

    def kernel(tau, length):
        samples = np.exp(-DT / tau * np.arange(round(length / DT)))
        return samples / samples.sum()

    soma_kernel, dendrite_kernel, adaptation_kernel = kernel(10, 100), kernel(5, 50), 2 * kernel(20, 200)
    adaptation_kernel[0] = 1.0
    assert adaptation_kernel.sum() == pytest.approx(2.990025, abs=5e-7)

    def filtered(samples, x, n):
        past = x[max(n + 1 - len(samples), 0) : n + 1][::-1]
        return samples[: len(past)] @ past

    n_samples = len(somatic)
    vs, z, a, d, vd = np.zeros((5, n_samples))
    for n in range(n_samples - 1):
        vs[n + 1] = filtered(soma_kernel, somatic + vd - a, n)
        z[n + 1] = 30 if vs[n] >= 1.5 else 0
        a[n + 1] = filtered(adaptation_kernel, z, n)
        d[n + 1] = filtered(dendrite_kernel, dendritic + z, n)
        vd[n + 1] = 2 / (1 + np.exp(-(d[n] - 2.5) / 0.25))
    return {"soma_drive": vs, "soma": z, "adaptation": a, "dendrite_drive": d, "dendrite": vd}


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_the_loop_is_its_equations(seed):
    if seed is None:
        inputs = {name: trace[0, 2500:] for name, trace in published_stimulus("loop").items()}
    else:
        draws = np.random.default_rng(seed)
        inputs = {name: draws.normal(2.2, 12, 2600) for name in ("somatic", "dendritic")}
    found, wanted = simulate(cells.loop(), inputs, DT), plain_loop(inputs["somatic"], inputs["dendritic"])
    assert wanted["soma"].any()
    assert wanted["dendrite"].max() > 1
    assert np.array_equal(found["soma"], wanted["soma"])
    for name, trace in wanted.items():
        assert found[name] == pytest.approx(trace, abs=1e-10), name


def in_a_loop(cell):
    """Return the same cell with an idle loop through every subunit, so that all of it is computed in steps."""
    idle = Subunit("idle", [Source(one.name, 0.0) for one in cell.subunits], delay=1)
    subunits = tuple(
        Subunit(one.name, [*one.inlets, Source("idle", 0.0)], one.kernel, one.nonlinearity, one.delay, one.channel)
        for one in cell.subunits
    )
    return Cell(cell.inputs, (*subunits, idle))


KERNELS = {
    "exponential": Exponential(2.0),
    "late and cut": Exponential(2.0, 4.0, first=0.5, delay=2),
    "alpha": Alpha(1.5),
    "difference": Difference(0.3, 2.0),
    "lag": Lag(2.0),
    "boxcar": Boxcar(0.4),
    "table": Tabulated((0.0, 1.0, -0.5)),
}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_steps_are_the_filters_of_whole_traces(kernel, delay):
    cell = Cell(
        ("x", "y"),
        (
            Subunit("a", ["x", Source("y", -0.5)], kernel, Sigmoid(2.0, 0.3, 0.2, passive=0.5), delay),
            Subunit("b", ["a", "x"], kernel, Step(0.4)),
        ),
    )
    draws = np.random.default_rng(0)
    inputs = {"x": draws.normal(size=(3, 60)), "y": draws.normal(size=(3, 60))}
    whole, steps = (simulate(one, inputs, DT) for one in (cell, in_a_loop(cell)))
    assert whole["b"].any()
    for name, trace in whole.items():
        assert steps[name] == pytest.approx(trace, abs=1e-12), name


@pytest.mark.parametrize("name", ["lnl", "sodium", "nmda"])
def test_the_published_cells_in_steps(name):
    inputs = {key: trace[-1:, :600] for key, trace in published_stimulus(name).items()}
    dt = 0.01 if name == "sodium" else DT
    cell = cells.CELLS[name]()
    whole, steps = (simulate(one, inputs, dt) for one in (cell, in_a_loop(cell)))
    for key, trace in whole.items():
        assert steps[key] == pytest.approx(trace, abs=1e-11), key


def test_a_delay_repeats_the_output_later_and_begins_with_zero():
    sigmoid = Sigmoid(2.0, 0.0, 1.0)  # 1 at rest
    x = np.random.default_rng(0).normal(size=8)
    for delay in (0, 2, 10, 20):
        found = simulate(Cell(("x",), (Subunit("a", ["x"], nonlinearity=sigmoid, delay=delay),)), {"x": x}, DT)
        assert np.array_equal(found["a"], np.concatenate([np.zeros(delay), sigmoid(x)])[:8])
        assert np.array_equal(found["a_drive"], x)


def test_weights_and_missing_inputs():
    cell = Cell(("x", "y"), (Subunit("a", [Source("x", 2.0), Source("y", -3.0), "x"]),))
    x, y = np.random.default_rng(0).normal(size=(2, 5))
    assert simulate(cell, {"x": x, "y": y}, DT)["a"] == pytest.approx(3 * x - 3 * y)
    assert simulate(cell, {"y": y}, DT)["a"] == pytest.approx(-3 * y)


@pytest.mark.parametrize("name", cells.CELLS)
def test_shapes_go_together_and_trials_do_not_touch(name):
    cell = cells.CELLS[name]()
    draws = np.random.default_rng(0)
    first, *others = cell.inputs
    inputs = {first: draws.normal(3, 5, (2, 1, 120))} | {key: draws.normal(3, 5, (3, 120)) for key in others}
    whole = simulate(cell, inputs, DT)
    shape = (2, 3, 120) if others else (2, 1, 120)
    assert {trace.shape for trace in whole.values()} == {shape}
    alone = simulate(cell, {first: inputs[first][1, 0]} | {key: inputs[key][2] for key in others}, DT)
    for key, trace in whole.items():
        assert trace[1, -1] == pytest.approx(alone[key], abs=1e-12)


def test_traces_of_outputs_and_of_drives_that_are_something_else():
    found = simulate(cells.loop(), {"somatic": np.ones(5)}, DT)
    assert set(found) == {"soma", "soma_drive", "adaptation", "dendrite", "dendrite_drive"}
    found = simulate(cells.lnl(), {"dendritic": np.ones(5)}, DT)
    assert set(found) == {"membrane", "sodium", "sodium_drive", "dendrite"}


def test_single_samples():
    for make in cells.CELLS.values():
        cell = make()
        assert all(trace.shape == (1,) for trace in simulate(cell, {cell.inputs[0]: [1.0]}, DT).values())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"dendrite": np.ones(3)}, "input 'dendrite': the cell has somatic, dendritic"),
        ({}, "expected at least one of somatic, dendritic"),
        ({"somatic": [1.0, np.nan]}, r"input 'somatic': expected finite samples \(…, time\)"),
        ({"somatic": [1.0, np.inf]}, "expected finite samples"),
        ({"somatic": 3.0}, "expected finite samples"),
        ({"somatic": np.ones(3), "dendritic": np.ones(4)}, r"go together, found somatic \(3,\), dendritic \(4,\)"),
    ],
)
def test_inputs_that_cannot_be_used_are_refused(inputs, words):
    with pytest.raises(InputError, match=words):
        simulate(cells.loop(), inputs, DT)
