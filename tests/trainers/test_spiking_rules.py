"""Gradients of the spiking family: every rule in every form against the plain reference, and what tells rules apart."""

import functools
import tracemalloc

import numpy as np
import pytest
import spiking_plain
import torch
from making import drawn
from torch.utils._python_dispatch import TorchDispatchMode

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers import Batch, Settings
from dynascope.trainers.spiking import FAMILY, adjoint, signals
from dynascope.trainers.spiking.kernel import TOGETHER
from dynascope.trainers.spiking.simulation import simulate
from dynascope.trainers.spiking.traces import eligibility

RULES = ("bptt", "eprop", "eprop_random", "mdgl", "mdgl_weights", "mdgl_nonlocal", "mdgl_online")
MODULATED = tuple(spiking_plain.COUPLINGS)
FORMS = {
    "compiled": {"form": "adjoint"},
    "adjoint": {"form": "adjoint", "compiled": False},
    "autograd": {"form": "autograd"},
    "online": {"form": "online"},
    "traces": {"form": "traces"},
}
MISSING = {"bptt": ("online", "traces"), "mdgl_online": ("autograd",)}
PAIRS = [(rule, form) for rule in RULES for form in FORMS if form not in MISSING.get(rule, ())]

# A loss at the last of 53 steps, and one at each of 50; inputs strong enough for rates of about 100 Hz.
TASKS = {
    "evidence": {
        "n_cues": 3, "cue_duration": 0.008, "cue_gap": 0.002, "delay": 0.01, "recall_duration": 0.015,
        "cue_rate": 150.0, "recall_rate": 100.0, "background_rate": 60.0, "channels_per_population": 5,
    },
    "pattern": {"duration": 0.05, "n_channels": 15, "input_rate": 80.0},
}  # fmt: skip
LOSSES = {
    "evidence": spiking_plain.cross_entropy_at_the_end,
    "pattern": spiking_plain.squared_error_everywhere,
}
NETWORK = {
    "n_units": 12, "tau_adaptation": 0.1, "tau_readout": 0.012, "refractory_steps": 3, "random_feedback": True,
    "input_probability": 0.3, "recurrent_probability": 0.4, "output_probability": 0.3, "rate_cost": 5.0,
}  # fmt: skip


def make_task(name):
    return FAMILY.task(name, TASKS[name])


def make_model(task, *, members=2, dtype=torch.float64, **options):
    sizes = {"n_inputs": task.n_inputs, "n_outputs": task.n_outputs, "dt": task.dt}
    model = drawn("spiking", {**NETWORK, **sizes, **options}, members=members, seed=100, dtype=dtype)
    with torch.no_grad():
        model.output_bias.copy_(torch.linspace(-0.5, 0.5, model.output_bias.numel()).view_as(model.output_bias))
    return model


def make_batch(task, n_trials=4, members=2, dtype=torch.float64):
    return Batch.of([task.draw(n_trials, np.random.default_rng(member)) for member in range(members)], dtype=dtype)


def apply(rule, model, task, batch, generators=None, **options):
    return FAMILY.rule(rule, options)(model, task, batch, generators)


def reference(rule, model, task, batch, member=0, **options):
    """Return loss terms and gradients of one member by the plain equations."""
    net = spiking_plain.network_of(model, member)
    record = spiking_plain.run(net, batch.inputs[member].double().numpy())
    assert record.z.mean() > 0.03  # 30 Hz
    assert record.refractory.any()
    task_loss, error = LOSSES[task.name](record.o, batch.targets[member].numpy())
    terms = {"task": task_loss, "rate": spiking_plain.rate_penalty(net, record)[0]}
    return terms, spiking_plain.gradients(net, record, error, rule, **options)


def assert_equal(found, wanted, *, relative=1e-10):
    """Compare gradients by name, each relative to its largest entry."""
    assert set(found) == set(wanted)
    for name, gradient in wanted.items():
        gradient = np.asarray(gradient)
        scale = abs(gradient).max()
        assert scale > 0
        assert abs(np.asarray(found[name]) - gradient).max() < relative * scale, name


def member_of(gradients, member):
    return {name: gradient[member] for name, gradient in gradients.items()}


def loss_terms(found, member):
    return {name: float(term[member]) for name, term in found.response.terms.items()}


# Every form of every rule.


@pytest.mark.parametrize("penalty", ["free", "penalised", "secreted"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("task_name", TASKS)
def test_all_forms_are_the_plain_equations(task_name, rule, penalty):
    task = make_task(task_name)
    model = make_model(task, **({"rate_cost": 0.0} if penalty == "free" else {}))
    batch = make_batch(task)
    secrete = penalty == "secreted"
    wanted = [reference(rule, model, task, batch, member, gain=1.3, secrete_regularizer=secrete) for member in range(2)]
    for form in (form for name, form in PAIRS if name == rule):
        options = {"modulatory_gain": 1.3, "secrete_regularizer": secrete}
        found = apply(rule, model, task, batch, **FORMS[form], **options)
        for member, (terms, gradients) in enumerate(wanted):
            assert_equal(member_of(found.parameters, member), gradients)
            expected = terms if penalty != "free" else {"task": terms["task"]}
            assert loss_terms(found, member) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rule", "form"), [(rule, form) for rule, forms in MISSING.items() for form in forms])
def test_a_form_that_a_rule_does_not_have_is_refused_by_naming_those_it_has(rule, form):
    task = make_task("pattern")
    has = {"bptt": "bptt has the forms adjoint and autograd", "mdgl_online": "adjoint, online and traces"}
    with pytest.raises(ConfigurationError, match=has[rule]):
        apply(rule, make_model(task), task, make_batch(task), form=form)


@pytest.mark.parametrize(("rule", "form"), [(rule, form) for rule, form in PAIRS if form != "compiled"])
def test_forms_agree_under_current_noise(rule, form):
    """The noise of a run comes back in the second run of the online form, and keeps the kernel out."""
    task = make_task("evidence")
    model, batch = make_model(task, noise_std=0.05), make_batch(task)

    def apply_noisily(**options):
        generators = [torch.Generator().manual_seed(member) for member in range(2)]
        return apply(rule, model, task, batch, generators, **options)

    wanted = apply_noisily(**FORMS["compiled"])
    without = apply(rule, make_model(task), task, batch)
    assert not torch.allclose(wanted.response.outputs, without.response.outputs, rtol=1e-3)
    assert_equal(apply_noisily(**FORMS[form]).parameters, wanted.parameters)


@pytest.mark.parametrize("rule", ["bptt", "eprop", "eprop_random", "mdgl_weights"])
def test_networks_without_signs_and_with_other_steps_and_shapes(rule):
    """Dense weights, no refractoriness, adaptation spread over all units, 2 ms, three trials, one member."""
    options = {"wiring": "none", "refractory_steps": 1, "interleaved": True, "rate_cost": 0.1}
    task = FAMILY.task("pattern", {**TASKS["pattern"], "dt": 2e-3})
    model, batch = make_model(task, members=1, **options), make_batch(task, 3, members=1)
    with torch.no_grad():
        model.recurrent_weight[0].fill_diagonal_(9.0)  # never acts
    _, wanted = reference(rule, model, task, batch)
    for form in (form for name, form in PAIRS if name == rule):
        assert_equal(member_of(apply(rule, model, task, batch, **FORMS[form]).parameters, 0), wanted)


def test_bptt_is_automatic_differentiation_of_the_model_itself():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    trajectory = model(batch.inputs)
    terms = {**task.loss(trajectory, batch), **model.regularization(trajectory)}
    names = model.trainable
    found = torch.autograd.grad(sum(term.sum() for term in terms.values()), [getattr(model, name) for name in names])
    assert_equal(apply("bptt", model, task, batch).parameters, dict(zip(names, found, strict=True)))


@pytest.mark.parametrize("rule", ["bptt", "mdgl", "mdgl_online"])
def test_blocks_of_trials_and_steps_do_not_show(rule, monkeypatch):
    task = make_task("pattern")
    model, batch = make_model(task), make_batch(task, 5)
    wanted = apply(rule, model, task, batch, compiled=False).parameters
    monkeypatch.setattr(adjoint, "_TRIALS", 2)
    monkeypatch.setattr(adjoint, "_STEPS", 7)
    assert_equal(apply(rule, model, task, batch, compiled=False).parameters, wanted, relative=1e-13)


@pytest.mark.parametrize("n_trials", [1, TOGETHER + 3, 2 * TOGETHER + 1])
@pytest.mark.parametrize("rule", ["bptt", "mdgl", "mdgl_online"])
def test_compiled_gradients_of_any_number_of_trials(rule, n_trials):
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task, n_trials)
    wanted = apply(rule, model, task, batch, compiled=False).parameters
    assert_equal(apply(rule, model, task, batch).parameters, wanted)


def test_traces_of_every_synapse_are_the_plain_equations():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    run = simulate(model, batch.inputs, None, for_gradients=True, compiled=False)
    found = torch.stack(list(eligibility(run)), dim=2)  # (member, trial, time, unit, source)
    for member in range(2):
        net = spiking_plain.network_of(model, member)
        wanted = spiking_plain.eligibility(net, spiking_plain.run(net, batch.inputs[member].numpy()))
        assert found[member].mT.numpy() == pytest.approx(wanted, rel=1e-9, abs=1e-10 * abs(wanted).max())


@pytest.mark.parametrize("form", FORMS)
def test_the_response_says_how_much_the_units_spike(form):
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    with torch.no_grad():
        for weight in (model.input_weight, model.recurrent_weight):
            weight[1, :4] = 0  # nothing reaches these
    response = apply("eprop", model, task, batch, **FORMS[form]).response
    for member in range(2):
        net = spiking_plain.network_of(model, member)
        record = spiking_plain.run(net, batch.inputs[member].numpy())
        silent = ~record.z.any((0, 1))
        assert silent[:4].all() == (member == 1)
        assert response.outputs[member].numpy() == pytest.approx(record.o, rel=1e-10)
        assert float(response.metrics["firing_rate"][member]) == pytest.approx(1000 * record.z.mean())
        assert float(response.metrics["silent"][member]) == pytest.approx(silent.mean())


@pytest.mark.parametrize("rule", ["bptt", "eprop", "mdgl"])
def test_what_the_readout_has_forgotten_is_left_out_without_a_trace(rule):
    """The kernel stops following errors that have decayed below rounding; here that takes 42 of 53 steps."""
    task = make_task("evidence")
    model, batch = make_model(task, tau_readout=1e-3, rate_cost=0.0), make_batch(task)
    for member in range(2):
        found = apply(rule, model, task, batch).parameters
        assert_equal(member_of(found, member), reference(rule, model, task, batch, member)[1], relative=1e-13)


@pytest.mark.parametrize("rule", MODULATED)
def test_any_coupling_at_all(rule, monkeypatch):
    """A random C, with entries where no synapse is and on the diagonal: all forms still agree."""
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    random = torch.randn(2, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given = {"none": None}
    monkeypatch.setattr("dynascope.trainers.spiking.rules.coupling", lambda model, kind: given.get(kind, random))
    found = {form: apply(rule, model, task, batch, **FORMS[form]).parameters for name, form in PAIRS if name == rule}
    plain = apply("eprop", model, task, batch).parameters
    assert not torch.allclose(found["adjoint"]["recurrent_weight"], plain["recurrent_weight"], rtol=1e-2)
    for gradients in found.values():
        assert_equal(gradients, found["adjoint"])


# What tells the rules apart.


def test_without_recurrent_weights_the_rules_agree():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    with torch.no_grad():
        model.recurrent_weight.zero_()
    wanted = apply("bptt", model, task, batch).parameters
    for rule in ("eprop", *MODULATED):
        assert_equal(apply(rule, model, task, batch).parameters, wanted, relative=1e-13)


@pytest.mark.parametrize(
    ("n_steps", "differing"),
    [(2, set()), (3, {"input_weight"}), (6, {"input_weight", "recurrent_weight"})],
)
def test_one_hop_is_everything_in_two_steps(n_steps, differing):
    """Inputs act at once: their second hop needs three steps, and that of recurrent weights more."""
    task = FAMILY.task("pattern", {"duration": n_steps * 1e-3, "n_channels": 15})
    model, batch = make_model(task, rate_cost=0.0), make_batch(task, 40)
    batch.inputs.copy_(torch.tensor(np.random.default_rng(0).poisson(0.3, batch.inputs.shape)))
    exact, one_hop, none = (apply(rule, model, task, batch).parameters for rule in ("bptt", "mdgl_weights", "eprop"))
    gaps = [{name: float((exact[name] - other[name]).abs().max() / exact[name].abs().max()) for name in exact}
            for other in (one_hop, none)]  # fmt: skip
    assert {name for name, gap in gaps[0].items() if gap > 1e-12} == differing
    assert gaps[1]["input_weight"] > 1e-2


def without_readout(model, member):
    silent = (model.output_weight[member] == 0).all(0).numpy()
    assert 0 < silent.sum() < silent.size
    return silent


def rows(gradients, chosen):
    """Return the gradients of all weights onto the chosen units."""
    return {name: np.asarray(gradients[name])[chosen] for name in ("input_weight", "recurrent_weight")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task_name", TASKS)
def test_units_without_readout_learn_nothing_by_eprop_and_something_by_mdgl(task_name, form):
    """Compared with the reference on their own: beside the others their gradients would vanish in the tolerance."""
    task = make_task(task_name)
    model, batch = make_model(task, rate_cost=0.0), make_batch(task)
    for member in range(2):
        silent = without_readout(model, member)
        local = rows(member_of(apply("eprop", model, task, batch, **FORMS[form]).parameters, member), silent)
        assert not any(gradient.any() for gradient in local.values())
        for rule in MODULATED:
            if form in MISSING.get(rule, ()):
                continue
            found = member_of(apply(rule, model, task, batch, **FORMS[form]).parameters, member)
            wanted = reference(rule, model, task, batch, member)[1]
            assert_equal(rows(found, silent), rows(wanted, silent))


def test_the_penalty_reaches_every_unit_by_eprop():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    silent = without_readout(model, 0)
    found = rows(member_of(apply("eprop", model, task, batch).parameters, 0), silent)
    assert found["input_weight"].any(1).all()


def test_modulation_is_proportional_to_its_gain():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    none, once, twice = (
        apply("mdgl", model, task, batch, modulatory_gain=gain).parameters["input_weight"] for gain in (0, 1, 2)
    )
    assert torch.equal(none, apply("eprop", model, task, batch).parameters["input_weight"])
    torch.testing.assert_close(twice - once, once - none, rtol=1e-9, atol=0)


def test_couplings_are_the_blocks_of_the_definition():
    """Two inhibitory and three excitatory units, by hand."""
    model = FAMILY.model({"n_units": 5, "n_inputs": 1, "excitatory_fraction": 0.6, "excitatory_count": "round"},
                         members=1, dtype=torch.float64)  # fmt: skip
    sources = np.zeros((5, 5))  # (source, target)
    sources[0, 1], sources[1, 2], sources[1, 4] = -3, -1, -2
    sources[2, 0], sources[3, 4], sources[4, 2] = 5, 1e-12, 2
    with torch.no_grad():
        model.recurrent_weight.copy_(torch.tensor(sources.T))
        model.unit_sign.copy_(torch.tensor([[-1, -1, 1, 1, 1]]))
    by_synapse = np.zeros((5, 5))
    by_synapse[0, 1], by_synapse[1, 2], by_synapse[1, 4] = -3, -1.5, -1.5
    by_synapse[2, 0], by_synapse[3, 4], by_synapse[4, 2] = 5, 1, 1
    blocks = np.zeros((5, 5))
    blocks[:2, :2], blocks[:2, 2:], blocks[2:, :2], blocks[2:, 2:] = -3 / 4, -3 / 6, 5 / 6, 2 / 9
    assert signals.coupling(model, "none") is None
    for kind, wanted in {"weights": sources, "cell_types": by_synapse, "nonlocal": blocks}.items():
        assert signals.coupling(model, kind)[0].numpy() == pytest.approx(wanted, rel=1e-11, abs=1e-15)


def test_random_feedback_takes_the_place_of_the_readout_for_the_other_weights_only():
    task = make_task("evidence")
    model, batch = make_model(task, rate_cost=0.0), make_batch(task)
    symmetric, random = (apply(rule, model, task, batch).parameters for rule in ("eprop", "eprop_random"))
    for name in ("output_weight", "output_bias"):
        assert torch.equal(random[name], symmetric[name])
    with torch.no_grad():
        model.feedback_weight.copy_(model.output_weight)
    assert_equal(apply("eprop_random", model, task, batch).parameters, symmetric, relative=1e-15)
    assert "feedback_weight" not in random


# Batches, members, precision, memory.


@pytest.mark.parametrize("rule", RULES)
def test_order_and_splitting_of_a_batch_do_not_change_the_gradient(rule):
    task = make_task("evidence")
    batch = make_batch(task, 6)
    model = make_model(task)
    order = torch.tensor([[3, 0, 5, 1, 4, 2]] * 2)
    whole = apply(rule, model, task, batch).parameters
    assert_equal(apply(rule, model, task, batch.take(order)).parameters, whole, relative=1e-12)
    # The penalty is on a mean over the batch, and so no sum over trials.
    free = make_model(task, rate_cost=0.0)
    whole = apply(rule, free, task, batch).parameters
    parts = [apply(rule, free, task, batch.take(order[:, chosen])).parameters for chosen in (slice(2), slice(2, 6))]
    mixed = {name: parts[0][name] / 3 + parts[1][name] * 2 / 3 for name in whole}
    assert_equal(mixed, whole, relative=1e-12)


@pytest.mark.parametrize(("rule", "form"), [pair for pair in PAIRS if pair[0] in ("bptt", "mdgl", "eprop_random")])
def test_a_member_learns_what_it_would_alone(rule, form):
    task = make_task("evidence")
    model, batch = make_model(task, members=3), make_batch(task, members=3)
    together = apply(rule, model, task, batch, **FORMS[form])
    for member in range(3):
        alone = apply(rule, model.select_members([member]), task, batch.select_members([member]), **FORMS[form])
        assert_equal(member_of(together.parameters, member), member_of(alone.parameters, 0), relative=1e-12)
        assert loss_terms(together, member) == pytest.approx(loss_terms(alone, 0), rel=1e-13)


@pytest.mark.parametrize("rule", RULES)
def test_single_precision_gives_the_same_gradient(rule):
    task = make_task("evidence")
    double = make_model(task)
    single = make_model(task, dtype=torch.float32)
    single.load_arrays(double.arrays())
    double.load_arrays(single.arrays())  # the same weights, rounded
    batches = [make_batch(task, dtype=dtype) for dtype in (torch.float64, torch.float32)]
    spikes = [model.state_layout[2].of(model(batch.inputs).states).detach()
              for model, batch in zip((double, single), batches, strict=True)]  # fmt: skip
    assert torch.equal(*(found.bool() for found in spikes))
    runs = [simulate(model, batch.inputs, None, for_gradients=False)
            for model, batch in zip((double, single), batches, strict=True)]  # fmt: skip
    assert torch.equal(runs[0].mean_spikes.float(), runs[1].mean_spikes)
    wanted = apply(rule, double, task, batches[0]).parameters
    found = apply(rule, single, task, batches[1]).parameters
    assert all(gradient.dtype == torch.float32 for gradient in found.values())
    assert_equal(found, wanted, relative=1e-4)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of entries of the largest tensor that an operation returns."""

    entries = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        found = function(*arguments, **(options or {}))
        for tensor in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(tensor, torch.Tensor):
                self.entries = max(self.entries, tensor.untyped_storage().nbytes() // 8)
        return found


@functools.cache
def largest_tensor(rule, form, n_steps, n_trials=3, n_units=40):
    task = FAMILY.task("pattern", {"duration": n_steps * 1e-3, "n_channels": 2})
    model, batch = make_model(task, members=1, n_units=n_units), make_batch(task, n_trials, members=1)
    with LargestTensor() as meter:
        apply(rule, model, task, batch, **FORMS[form])
    return meter.entries


@pytest.mark.parametrize("rule", ["bptt", "mdgl"])
def test_the_adjoint_form_keeps_no_trace_per_synapse(rule):
    steps, trials, units = 60, 3, 40
    assert largest_tensor(rule, "adjoint", steps) <= trials * steps * units * 2
    assert largest_tensor(rule, "adjoint", 2 * steps) <= 2 * largest_tensor(rule, "adjoint", steps)


def peak_of_arrays(rule, n_steps, n_trials=3, n_units=40):
    """Return the most bytes that NumPy arrays take at once during a compiled gradient."""
    task = FAMILY.task("pattern", {"duration": n_steps * 1e-3, "n_channels": 2})
    model, batch = make_model(task, members=1, n_units=n_units), make_batch(task, n_trials, members=1)
    apply(rule, model, task, batch)  # compiles
    tracemalloc.start()
    apply(rule, model, task, batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("rule", ["bptt", "mdgl"])
def test_the_compiled_form_keeps_no_trace_per_synapse(rule):
    short, long = (peak_of_arrays(rule, n_steps) for n_steps in (300, 600))
    assert 8 * 3 * 300 * 40 < short < 2 * 8 * 3 * 300 * 40 + 12 * 8 * 40 * 42
    assert long < 2.1 * short


def test_the_online_form_does_not_grow_with_time_and_the_explicit_one_does():
    assert largest_tensor("mdgl", "online", 60) == largest_tensor("mdgl", "online", 120)
    assert largest_tensor("mdgl", "traces", 60) >= 3 * 60 * 40 * 42
    assert largest_tensor("mdgl", "traces", 120) == 2 * largest_tensor("mdgl", "traces", 60)


# What is refused.


def test_a_given_initial_state_is_refused():
    task = make_task("evidence")
    model, batch = make_model(task), make_batch(task)
    started = Batch(batch.inputs, batch.targets, batch.mask, torch.zeros(2, 4, model.state_size))
    with pytest.raises(InputError, match="initial_state: trials of spiking networks start at rest"):
        apply("eprop", model, task, started)


@pytest.mark.parametrize("rule", ["mdgl", "mdgl_nonlocal", "mdgl_online"])
def test_gains_between_cell_types_need_cell_types(rule):
    task = make_task("evidence")
    with pytest.raises(ConfigurationError, match=r"expected a model\.wiring with signs, not 'none'"):
        apply(rule, make_model(task, wiring="none"), task, make_batch(task))


def test_random_feedback_needs_a_matrix_which_the_defaults_give():
    task = make_task("evidence")
    with pytest.raises(ConfigurationError, match=r"expected a network with model\.random_feedback = true"):
        apply("eprop_random", make_model(task, random_feedback=False), task, make_batch(task))
    wanted = {rule: Settings.resolve("spiking", "evidence", {"training": {"rule": rule}}) for rule in RULES}
    assert {rule for rule, settings in wanted.items() if settings.model["random_feedback"]} == {"eprop_random"}


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        ("mdlg", {}, "did you mean 'mdgl'"),
        ("mdgl", {"form": "adjiont"}, "did you mean 'adjoint'"),
        ("mdgl", {"modulatory_gain": -1.0}, "expected a number at least 0"),
        ("mdgl", {"gain": 1.0}, "option in"),
    ],
)
def test_unknown_rules_and_options_are_refused(rule, options, words):
    with pytest.raises(ConfigurationError, match=words):
        FAMILY.rule(rule, options)
