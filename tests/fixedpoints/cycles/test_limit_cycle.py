"""Limit cycles in closed form, and published periods."""

import numpy as np
import pytest
import torch

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints.cycles.closed import LimitCycle
from dynascope.fixedpoints.cycles.limit import limit_cycle


def turning(x):
    return torch.stack([-x[:, 1], x[:, 0]], dim=1)


def hopf(mu, omega, sign=1.0):
    """r' = ±(μ − r²) r, θ' = ω: a cycle of radius √μ, period 2π/ω and multiplier exp(∓2μT)."""
    return lambda x: sign * (mu - (x**2).sum(1, keepdim=True)) * x + omega * turning(x)


def van_der_pol(mu):
    return lambda x: torch.stack([x[:, 1], mu * (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0]], dim=1)


def lorenz(x):
    a, b, c = x.unbind(1)
    return torch.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], dim=1)


@pytest.mark.parametrize(("mu", "omega"), [(1.0, 1.0), (0.01, 3.0), (0.3, 0.2)])
def test_hopf_normal_form(mu, omega):
    found = limit_cycle(hopf(mu, omega), np.array([0.5 * np.sqrt(mu), 0.0]))
    period = 2 * np.pi / omega
    assert found.period == pytest.approx(period, rel=1e-11)
    assert found.amplitude == pytest.approx([np.sqrt(mu)] * 2, rel=1e-10)
    assert found.nontrivial() == pytest.approx([np.exp(-2 * mu * period)], rel=1e-8)
    assert found.accuracy < 1e-11
    assert (found.stable, found.n_unstable) == (True, 0)
    assert np.linalg.norm(found.orbit, axis=1) == pytest.approx(np.sqrt(mu), rel=1e-10)
    assert found.time[1] == pytest.approx(period / len(found.time))


def test_the_orbit_is_sampled_evenly_and_closes():
    found = limit_cycle(hopf(1.0, 2.0), np.array([1.0, 0.0]), n_samples=100, n_segments=7)
    angle = np.unwrap(np.arctan2(found.orbit[:, 1], found.orbit[:, 0]))
    assert angle - angle[0] == pytest.approx(2 * found.time, abs=1e-9)
    assert len(found.orbit) == 105


def test_van_der_pol():
    found = limit_cycle(van_der_pol(1.0), np.array([0.1, 0.0]))
    # Period and amplitude: Viswanath, and OEIS A227830.
    assert found.period == pytest.approx(6.6632868593231301897, abs=1e-11)
    assert found.amplitude[0] == pytest.approx(2.0086198608748, abs=1e-9)


@pytest.mark.parametrize("mu", [0.5, 3.0])
def test_the_multiplier_obeys_liouville(mu):
    """The product of the multipliers is exp ∫ div f dt, down to e⁻³⁷ here: small ones keep their digits."""
    found = limit_cycle(van_der_pol(mu), np.array([2.0, 0.0]), n_samples=4000)
    divergence = found.period * np.mean(mu * (1 - found.orbit[:, 0] ** 2))
    assert np.log(found.nontrivial()[0].real) == pytest.approx(divergence, rel=1e-8)


def test_an_unstable_cycle_is_found_from_a_guess():
    found = limit_cycle(hopf(1.0, 1.0, sign=-1.0), np.array([1.1, 0.0]), period=5.0)
    assert found.period == pytest.approx(2 * np.pi, rel=1e-11)
    assert found.nontrivial() == pytest.approx([np.exp(4 * np.pi)], rel=1e-8)
    assert (found.stable, found.n_unstable) == (False, 1)
    assert "unstable (1 unstable direction)" in found.summary()


def test_the_shortest_orbit_of_lorenz():
    state = np.array([-13.763610682134, -19.578751942452, 27.0])
    found = limit_cycle(lorenz, state + 0.1, period=1.5)
    # Period and multiplier: Viswanath, Nonlinearity 16 (2003) 1035, table 1.
    assert found.period == pytest.approx(1.5586522107162, abs=1e-10)
    assert found.multipliers[0] == pytest.approx(4.7129, abs=1e-3)
    # The divergence is constant: a third multiplier of 1e-10, to eight digits.
    assert np.prod(found.multipliers) == pytest.approx(np.exp(-41 / 3 * found.period), rel=1e-7)


def test_a_guess_of_two_turns_is_one_cycle():
    found = limit_cycle(hopf(1.0, 1.0), np.array([1.0, 0.0]), period=4 * np.pi)
    assert found.period == pytest.approx(2 * np.pi, rel=1e-11)


def test_segments_do_not_change_the_answer():
    one, many = (limit_cycle(hopf(0.5, 1.0), np.array([0.8, 0.0]), period=6.0, n_segments=count) for count in (1, 12))
    assert one.period == pytest.approx(many.period, abs=1e-10)
    assert one.multipliers == pytest.approx(many.multipliers, abs=1e-9)


def test_a_unit_of_time_is_a_unit_of_time():
    fast = limit_cycle(lambda x: 1000 * hopf(1.0, 1.0)(x), np.array([0.5, 0.0]))
    assert fast.period == pytest.approx(2 * np.pi / 1000, rel=1e-11)
    assert fast.frequency == pytest.approx(1000 / (2 * np.pi))


def test_an_input_moves_the_cycle():
    found = limit_cycle(lambda x, u: hopf(1.0, 1.0)(x - u), np.array([3.5, 0.0]), np.array([3.0, 0.0]))
    assert found.orbit.mean(axis=0) == pytest.approx([3.0, 0.0], abs=1e-9)


def test_a_family_of_cycles_is_neutral():
    found = limit_cycle(turning, np.array([0.7, 0.0]))
    assert found.period == pytest.approx(2 * np.pi, rel=1e-10)
    assert (found.stable, found.n_unstable) == (False, 0)
    assert found.summary().startswith("neutral limit cycle")


NO_CYCLE = [
    (hopf(-1.0, 1.0), None, "at rest", "came to rest at a fixed point"),
    (hopf(-1.0, 1.0), 6.0, "shrunk", "shrank the orbit to a fixed point"),
    (lambda x: x**3, None, "not finite", "states grow without bound"),
    (lambda x: 1 + 0 * x, None, "no return", "never came back close to itself"),
]


@pytest.mark.parametrize(("flow", "period", "outcome", "words"), NO_CYCLE, ids=[case[2] for case in NO_CYCLE])
def test_no_cycle_is_an_outcome_with_a_reason(flow, period, outcome, words, tmp_path):
    found = limit_cycle(flow, np.array([0.5, 0.3]), period=period)
    assert (found.converged, found.outcome, found.stable) == (False, outcome, False)
    assert words in found.summary()
    again = LimitCycle.load(found.save(tmp_path / "none.h5"))
    assert np.isnan([again.period, again.accuracy]).all()
    plotting.figure_of(again.plot()).canvas.draw()


@pytest.mark.parametrize("period", [None, 6.0])
def test_starting_at_rest_is_an_outcome(period):
    assert limit_cycle(hopf(1.0, 1.0), np.zeros(2), period=period).outcome == "at rest"


def test_round_trip_and_picture(tmp_path):
    found = limit_cycle(hopf(1.0, 1.0), np.array([[0.5, 0.0]]))
    again = LimitCycle.load(found.save(tmp_path / "cycle.h5"))
    assert again.summary() == found.summary()
    assert again.multipliers == pytest.approx(found.multipliers)
    (line,) = found.plot().lines
    assert line.get_color() == plotting.STABLE


REFUSED = [
    ({"state": np.ones((2, 2))}, "state: expected one state, shape (state,) or (1, state), found (2, 2)"),
    ({"state": np.array([np.nan, 0.0])}, "expected finite numbers, found nan"),
    ({"inputs": np.ones((1, 2))}, "inputs: expected None or one constant input of shape (input,), found (1, 2)"),
    ({"period": 0.0}, "period: expected a number > 0, found 0.0"),
    ({"max_time": np.inf}, "max_time: expected a number > 0, found inf"),
    ({"tolerance": 0.0}, "tolerance: expected a number > 0"),
    ({"n_segments": 0}, "n_segments: expected an integer of at least 1"),
    ({"n_samples": 1}, "n_samples: expected an integer of at least 2"),
    ({"max_iterations": True}, "max_iterations: expected an integer"),
    ({"rtol": 1e-15}, "rtol: expected a number from 3e-14 to 1e-3"),
    ({"step": lambda x: x * torch.nan}, "step: expected a finite velocity at the state given, found nan"),
    ({"step": lambda x: x[:, :1]}, "shape of the states"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused(options, words):
    given = {"step": turning, "state": np.array([1.0, 0.0]), **options}
    with pytest.raises(InputError) as caught:
        limit_cycle(given.pop("step"), given.pop("state"), given.pop("inputs", None), **given)
    assert words in str(caught.value)
