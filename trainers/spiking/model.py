"""The spiking network: leaky integrate-and-fire units, some with an adaptive threshold, and a filtered readout.

With decays α (membrane), ρ (adaptation), κ (readout), threshold ϑ and input counts x, in step t::

    I = W_in x_t + W z_{t−1}                          inputs act at once, recurrent spikes one step later
    v_t = α v_{t−1} + (1 − α) I − ϑ z_{t−1}           b_t = ρ b_{t−1} + (1 − ρ) z_{t−1}
    u_t = (v_t − ϑ − β b_t) / ϑ                       z_t = 1 if u_t > 0 and the unit is not refractory
    r_t = κ r_{t−1} + (1 − κ) z_t                     y_t = W_out r_t + b_out

The spike's derivative by v is replaced by ψ = (γ/ϑ) max(0, 1 − |u|), 0 in refractory steps; by b it is −β ψ. Source:
Liu, Smith, Mihalas, Shea-Brown and Sümbül, PNAS 118:e2111821118 (2021), after Bellec et al., Nat. Commun. 11:3625.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..model import Generators, Model, StateVariable, Trajectory, linear
from . import rewiring
from .config import SpikingConfig
from .connectivity import balanced_weights, unit_signs, wiring
from .quiet import QuietSpikingDynamics

Shapes = dict[str, tuple[int, ...]]


class _Spike(torch.autograd.Function):
    """Whether u > 0, with the derivative γ max(0, 1 − |u|)."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, dampening: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.dampening = dampening
        return (u > 0).to(u)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (u,) = ctx.saved_tensors
        return gradients[0] * ctx.dampening * (1 - u.abs()).clamp_min(0), None


class SpikingNetwork(Model):
    """A network of spiking units (LSNN). Its flat state is (voltage, adaptation, spikes, refractory, filtered).

    ``refractory`` counts down from ``refractory_steps`` + 1 after a spike: a unit is blocked in a step that ends with
    a positive count and no spike. ``filtered`` is r, what the readout sees.
    """

    family = "spiking"
    kind = "lsnn"
    constants: ClassVar[tuple[str, ...]] = (
        "input_mask", "recurrent_mask", "output_mask", "input_sign", "unit_sign", "feedback_weight",
    )  # fmt: skip
    activity_unit = "Hz"
    is_smooth = False
    config: SpikingConfig
    input_weight: Tensor
    recurrent_weight: Tensor
    output_weight: Tensor
    output_bias: Tensor
    input_mask: Tensor
    recurrent_mask: Tensor
    output_mask: Tensor
    input_sign: Tensor
    unit_sign: Tensor
    feedback_weight: Tensor

    def __init__(self, config: SpikingConfig, **options: Any) -> None:
        super().__init__(config, **options)
        adaptive = torch.tensor(config.is_adaptive(), dtype=self.dtype)
        self.register_buffer("adaptation_strength", config.adaptation_strength * adaptive, persistent=False)

    adaptation_strength: Tensor

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """Voltage, adaptation, spikes, refractory count and filtered spikes, one number per unit each."""
        n = self.config.n_units
        names = ("voltage", "adaptation", "spikes", "refractory", "filtered")
        return tuple(StateVariable(name, i * n, (i + 1) * n) for i, name in enumerate(names))

    def parameter_shapes(self) -> Shapes:
        """Return the shapes of weights, wiring, signs and random feedback."""
        config = self.config
        n, k, o = config.n_units, config.n_inputs, config.n_outputs
        weights: Shapes = {"input": (n, k), "recurrent": (n, n), "output": (o, n)}
        shapes: Shapes = {f"{name}_weight": shape for name, shape in weights.items()} | {"output_bias": (o,)}
        if config.wiring != "none":
            shapes |= {f"{name}_mask": shape for name, shape in weights.items()}
            shapes |= {"input_sign": (k,), "unit_sign": (n,)}
        if config.random_feedback:
            shapes["feedback_weight"] = (o, n)
        return shapes

    def parameter_dims(self) -> dict[str, tuple[str, ...]]:
        """Return the axis names of the parameters; sources are the last axis."""
        weights = {"input": ("unit", "input"), "recurrent": ("unit", "unit_pre"), "output": ("output", "unit")}
        dims: dict[str, tuple[str, ...]]
        dims = {f"{name}_{what}": axes for name, axes in weights.items() for what in ("weight", "mask")}
        dims |= {"output_bias": ("output",), "input_sign": ("input",), "unit_sign": ("unit",)}
        dims["feedback_weight"] = ("output", "unit")
        return {name: dims[name] for name in self.parameter_shapes()}

    def initial_parameters(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw balanced, sparse and signed weights, or dense normal ones without a wiring."""
        config = self.config
        sizes = {"input": (config.n_inputs, config.n_units), "recurrent": (config.n_units, config.n_units)}
        sizes["output"] = (config.n_units, config.n_outputs)
        drawn = {"output_bias": np.zeros(config.n_outputs)}
        if config.wiring == "none":
            for name, (n, m) in sizes.items():
                drawn[f"{name}_weight"] = generator.normal(size=(n, m)).T / np.sqrt(n)
        else:
            drawn |= self._draw_sparse(sizes, generator)
        drawn["recurrent_weight"] *= 1 - np.eye(config.n_units)
        if config.random_feedback:
            drawn["feedback_weight"] = generator.normal(size=(config.n_outputs, config.n_units))
        return drawn

    def _draw_sparse(
        self, sizes: Mapping[str, tuple[int, int]], generator: np.random.Generator
    ) -> dict[str, np.ndarray]:
        config = self.config
        own = unit_signs(config.n_units, config.n_excitatory(config.n_units))
        channels = generator.permutation(unit_signs(config.n_inputs, config.n_excitatory(config.n_inputs)))
        drawn = {"unit_sign": own, "input_sign": channels}
        for name, (n, m) in sizes.items():
            signs = channels if name == "input" else own
            weights = balanced_weights(signs, m, generator)
            exists = wiring(n, m, getattr(config, f"{name}_probability"), config.sampling, generator)
            if name == "recurrent":
                exists *= 1 - np.eye(n)
            drawn |= {f"{name}_weight": (weights * exists).T, f"{name}_mask": exists.T}
        return drawn

    def noise_size(self) -> int:
        """Return N when there is current noise, else 0."""
        return self.config.n_units if self.config.noise_std else 0

    def recurrent(self) -> Tensor:
        """Return W (…, unit, unit_pre); no unit drives itself."""
        return self.recurrent_weight * (1 - torch.eye(self.config.n_units).to(self.recurrent_weight))

    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the state one step later; the derivative of a spike is the pseudo-derivative."""
        return self.advance(state, self.with_member_axis(input, 2), noise, self.recurrent())

    def advance(
        self, state: Tensor, input: Tensor, noise: Tensor | None, recurrent: Tensor, *, local: bool = False
    ) -> Tensor:
        """Return the state one step later; ``local`` stops gradients on their way from one unit to another (e-prop)."""
        config = self.config
        alpha, rho, kappa = config.membrane_decay, config.adaptation_decay, config.readout_decay
        voltage, adaptation, spikes, refractory, filtered = state.chunk(5, dim=-1)
        current = linear(input, self.input_weight) + linear(spikes.detach() if local else spikes, recurrent)
        if noise is not None:
            current = current + config.noise_std * noise
        voltage = alpha * voltage + (1 - alpha) * current - config.threshold * spikes
        adaptation = rho * adaptation + (1 - rho) * spikes
        u = (voltage - config.threshold - self.adaptation_strength * adaptation) / config.threshold
        spikes = _Spike.apply(u, config.dampening) * (refractory <= 1)  # type: ignore[no-untyped-call]
        spiked = spikes.detach()
        refractory = (refractory - 1).clamp_min(0) * (1 - spiked) + (config.refractory_steps + 1) * spiked
        filtered = kappa * filtered + (1 - kappa) * spikes
        return torch.cat([voltage, adaptation, spikes, refractory, filtered], dim=-1)

    def pseudo_derivative(self, states: Tensor) -> Tensor:
        """Return ψ (…, unit), the derivative of a step's spike by the voltage, from the states after the step."""
        config = self.config
        voltage, adaptation, spikes, refractory, _ = states.chunk(5, dim=-1)
        u = (voltage - config.threshold - self.adaptation_strength * adaptation) / config.threshold
        free = (spikes > 0) | (refractory == 0)
        return config.dampening / config.threshold * (1 - u.abs()).clamp_min(0) * free

    def rates(self, state: Tensor) -> Tensor:
        """Return what the readout sees, the filtered spikes r (spikes per step)."""
        return self.state_layout[4].of(state)

    def readout(self, state: Tensor) -> Tensor:
        """Return y = W_out r + b_out, (…, output) from states (…, state)."""
        return linear(self.rates(state), self.output_weight, self.output_bias)

    def activity(self, states: Tensor) -> Tensor:
        """Return the filtered firing rates r / dt in Hz, (…, unit)."""
        return self.rates(states) / self.config.dt

    def recorded_states(self, states: Tensor) -> dict[str, Tensor]:
        """Return the spikes as bytes; voltages and adaptation are recorded on request."""
        return {"spikes": self.state_layout[2].of(states).to(torch.uint8)}

    def learning_states(
        self, names: Sequence[str], task: Any, batch: Any, rule: Any, steps: slice
    ) -> dict[str, Tensor]:
        """Return eligibility traces, learning signals and secretion; see :mod:`.recording`."""
        from .recording import learning_states

        return learning_states(self, names, task, batch, rule, steps)

    def quiet(self) -> QuietSpikingDynamics:
        """Return the linear dynamics of voltages and adaptation while no unit spikes."""
        return QuietSpikingDynamics(self)

    def respond(
        self, inputs: Tensor, state: Tensor | None = None, generator: torch.Generator | Generators | None = None
    ) -> Trajectory:
        """Run the network for its outputs and mean spikes per step alone; compiled where that is possible."""
        from .simulation import simulate

        prepared, start, noise = self.prepared(inputs, state, generator)
        if state is not None or self.members is None:
            return self.run(prepared, start, noise)
        run = simulate(self, prepared, noise, for_gradients=False)
        nothing = start.unsqueeze(-2)[..., :0, :]
        return Trajectory(nothing, run.outputs, run.mean_spikes.unsqueeze(-2))

    def run_steps(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Tensor:
        """Return the states of the loop over time, with W formed once."""
        recurrent = self.recurrent()
        noises = [None] * inputs.shape[-2] if noise is None else noise.unbind(-2)
        visited = []
        for input, draw in zip(inputs.unbind(-2), noises, strict=True):
            state = self.advance(state, input, draw, recurrent)
            visited.append(state)
        return torch.stack(visited, dim=-2)

    def regularization(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return the rate penalty c Σ (ν − f0 dt)², ν the mean spikes per step of each unit over trials and time."""
        if not self.config.rate_cost:
            return {}
        target = self.config.target_rate * self.config.dt
        return {"rate": self.config.rate_cost * (self._mean_spikes(trajectory) - target).square().sum(-1)}

    def metrics(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return the mean firing rate in Hz and the share of units that never spiked."""
        return self.firing(self._mean_spikes(trajectory).detach())

    def firing(self, mean_spikes: Tensor) -> dict[str, Tensor]:
        """Return the mean firing rate in Hz and the share of silent units, from spikes per step (…, unit)."""
        silent = (mean_spikes == 0).to(mean_spikes).mean(-1)
        return {"firing_rate": mean_spikes.mean(-1) / self.config.dt, "silent": silent}

    def _mean_spikes(self, trajectory: Trajectory) -> Tensor:
        """Return ν, spikes per step of each unit (…, unit), the mean over trials and time."""
        if trajectory.mean_activity is not None:
            return trajectory.mean_activity.mean(-2)
        return self.state_layout[2].of(trajectory.states).mean((-3, -2))

    @torch.no_grad()
    def after_update(self, learning_rate: float, generators: Generators) -> None:
        """Keep signs and sparsity; see :mod:`.rewiring`."""
        if self.config.wiring == "fixed":
            rewiring.keep_wiring(self, learning_rate)
        elif self.config.wiring == "deep_r":
            rewiring.rewire(self, learning_rate, generators)

    def unit_columns(self) -> dict[str, Any]:
        """Return sign, adaptation and readout of each unit and its cell type, such as ``E-ALIF-out``."""
        adaptive = np.array(self.config.is_adaptive())
        output = self.output_weight.detach().cpu().double().numpy()
        has_readout = (output != 0).any(0)
        columns = {"adaptive": adaptive, "adaptation_strength": self.adaptation_strength.double().cpu().numpy()}
        columns |= {"has_readout": has_readout}
        columns |= {f"output_weight_{k}": row for k, row in enumerate(output)}
        names = np.where(adaptive, "ALIF", "LIF")
        if self.config.wiring != "none":
            sign = self.unit_sign.detach().cpu().numpy().astype(np.int64)
            columns["sign"] = sign
            names = np.char.add(np.where(sign > 0, "E-", "I-"), names)
        columns["cell_type"] = np.char.add(names, np.where(has_readout, "-out", ""))
        return columns
