"""The model protocol: one definition of the dynamics for training, export and fixed points.

A model is a torch module whose whole memory is one flat state vector. ``step`` is the only definition of its
dynamics; ``run`` repeats it over time, and a family may give ``run`` a faster equivalent.

Many networks of one architecture can live in one model: with ``members=M`` every parameter, state, input and
output carries a leading axis of length M, and the same code runs them as one batch.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError, unknown_name

if TYPE_CHECKING:
    from .quiet import QuietDynamics

Generators = Sequence[torch.Generator]


@dataclasses.dataclass(frozen=True)
class StateVariable:
    """One named part of the flat state vector: elements ``start`` to ``stop``."""

    name: str
    start: int
    stop: int

    def of(self, states: Tensor) -> Tensor:
        """Return this variable's part of ``states`` (…, state)."""
        return states[..., self.start : self.stop]


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What a model did: ``states`` (…, trial, time, state) after each step, ``outputs`` (…, trial, time, output).

    A run for its loss alone (:meth:`Model.respond`) may keep no states, (…, trial, 0, state), and say instead in
    ``mean_activity`` (…, trial, unit) what penalties and metrics need of them: the mean over steps, of each trial or,
    in one row, over all trials too.
    """

    states: Tensor
    outputs: Tensor
    mean_activity: Tensor | None = None


class Model(nn.Module, ABC):
    """Base of all model families.

    Parameters
    ----------
    config : the family's frozen configuration dataclass; it has ``n_inputs``, the number of input channels
    members : number of networks in one batch, or None for one network without a member axis
    generators : one NumPy generator per member, from which the initial weights are drawn. None leaves all
        parameters at zero, to be loaded.
    dtype : torch dtype of the parameters
    """

    family: ClassVar[str]
    kind: ClassVar[str]
    #: parameters that belong to the network but are never trained by gradients: signs, wiring, random feedback
    constants: ClassVar[tuple[str, ...]] = ()
    #: name of the state variable that is the activity itself, which archives do not keep twice; empty for none
    activity_variable: ClassVar[str] = ""
    #: unit of :meth:`activity`, such as "Hz"; empty where it has none
    activity_unit: ClassVar[str] = ""
    #: whether ``step`` is differentiable, so that its fixed points can be searched for
    is_smooth: ClassVar[bool] = True

    def __init__(
        self,
        config: Any,
        *,
        members: int | None = None,
        generators: Sequence[np.random.Generator] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.config = config
        self.members = members
        self.masks: dict[str, Tensor] = {}
        drawn = [self.initial_parameters(generator) for generator in generators] if generators else None
        lead = () if members is None else (members,)
        if drawn is not None and len(drawn) != (members or 1):
            raise InputError(f"generators: expected {members or 1}, one per member, found {len(drawn)}")
        for name, shape in self.parameter_shapes().items():
            values = np.zeros((*lead, *shape))
            if drawn is not None:
                values = np.stack([member[name] for member in drawn]) if lead else drawn[0][name]
            self.register_parameter(name, nn.Parameter(torch.tensor(values, dtype=dtype)))
        self.freeze(())

    # What a family defines.

    @classmethod
    def has_kernel(cls, config: Any) -> bool:
        """Return whether networks of this configuration train on the CPU one by one, compiled.

        What a network learns then does not depend, to the last bit, on those beside it.
        """
        return False

    @property
    @abstractmethod
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The named parts of the flat state vector, in order."""

    @abstractmethod
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter of one network."""

    @abstractmethod
    def parameter_dims(self) -> dict[str, tuple[str, ...]]:
        """Return the name of each axis of each parameter, as archives label them."""

    @abstractmethod
    def initial_parameters(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the initial parameters of one network (float64)."""

    @abstractmethod
    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the state one time step later: (…, trial, state), (…, trial, input) → (…, trial, state)."""

    @abstractmethod
    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs (…, output) of states (…, state)."""

    def noise_size(self) -> int:
        """Return how many normal numbers a step takes per trial; 0 when the dynamics are deterministic."""
        return 0

    def rates(self, state: Tensor) -> Tensor:
        """Return what the readout sees (…, unit) of states (…, state)."""
        return state

    def activity(self, states: Tensor) -> Tensor:
        """Return what the family calls its activity (…, unit) for states (…, state)."""
        return states

    def recorded_states(self, states: Tensor) -> dict[str, Tensor]:
        """Return the further state variables that an archive keeps, by name, from states (…, state)."""
        return {part.name: part.of(states) for part in self.state_layout if part.name != self.activity_variable}

    def learning_states(
        self, names: Sequence[str], task: Any, batch: Any, rule: Any, steps: slice
    ) -> dict[str, Tensor]:
        """Return quantities that learning uses on the trials of a batch, by name, (trial, step, …) in the given steps.

        Raises
        ------
        InputError
            If the family has no quantity of a name.
        """
        raise InputError(unknown_name("state", names[0], [part.name for part in self.state_layout]))

    def regularization(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return penalties on activity or weights by name, each (member,), added to the task's loss."""
        return {}

    def metrics(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return what evaluations log beside loss and performance, by name, (member,) each, without gradients."""
        return {}

    def reduced(self) -> Any:
        """Return the exact reduced dynamics of this network (``step lift project basis names``), or None."""
        return None

    def jacobian(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the formula of ∂step/∂state, (trial, state), (trial, input) → (trial, state, state), or None.

        Without one, searches differentiate ``step``. A formula is faster and must agree with it.
        """
        return None

    def jacobian_lipschitz(self) -> float | None:
        """Return a Lipschitz constant of ∂step/∂state in the spectral norm, or None when none is known.

        With it, certificates of fixed points are proofs (up to rounding) rather than estimates.
        """
        return None

    def quiet(self) -> "QuietDynamics | None":
        """Return the dynamics of this network while no unit spikes, or None where no unit does."""
        return None

    def blocked(self, channels: Sequence[str]) -> Self:
        """Return this network under drugs that block the named channels, its weights unchanged.

        Raises
        ------
        InputError
            If the network has no such channel.
        """
        raise InputError(f"block: networks of family {self.family} have no channels, found {', '.join(channels)}")

    def unit_columns(self) -> dict[str, Any]:
        """Return what is known of each unit of one network, as columns of an archive's table of units."""
        return {}

    def weight_scales(self) -> dict[str, float]:
        """Return how large the initial weights of each parameter are, for learning rates relative to them.

        By default the root mean square of a draw of its own, the same for every network of a configuration; parameters
        that begin at zero are left out.
        """
        drawn = self.initial_parameters(np.random.default_rng(0))
        sizes = {name: float(np.sqrt(np.mean(np.square(drawn[name])))) for name in self.weights}
        return {name: size for name, size in sizes.items() if size}

    def after_update(self, learning_rate: float, generators: Generators) -> None:
        """Enforce constraints on the parameters after an optimiser step (signs, sparsity).

        ``generators`` are one per member, for constraints that draw at random (rewiring).
        """

    # What every family shares.

    @property
    def state_size(self) -> int:
        """Length of the flat state vector."""
        return self.state_layout[-1].stop

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the parameters."""
        return next(self.parameters()).dtype

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the parameters that training can change."""
        return tuple(name for name, _ in self.named_parameters() if name not in self.constants)

    @property
    def trainable(self) -> tuple[str, ...]:
        """Names of the parameters that training does change."""
        return tuple(name for name, value in self.named_parameters() if value.requires_grad)

    def diverged(self) -> Tensor:
        """Return which networks have a weight that is not finite, (member,); one without a member axis is one.

        A potential that is not a number never spikes: without this a spiking network that has diverged would look like
        a silent one.
        """
        weights = [getattr(self, name).detach().isfinite().reshape(self.members or 1, -1) for name in self.weights]
        return ~torch.cat(weights, dim=1).all(1)

    def freeze(self, names: Sequence[str]) -> None:
        """Exclude the named parameters from training, and include all others.

        Raises
        ------
        InputError
            If a name is not a parameter of this model.
        """
        parameters = dict(self.named_parameters())
        for name in names:
            if name not in parameters:
                raise InputError(f"freeze: no parameter '{name}' (valid: {', '.join(sorted(parameters))})")
        for name, value in parameters.items():
            value.requires_grad_(name not in names and name not in self.constants)

    def set_mask(self, name: str, mask: np.ndarray | Tensor) -> None:
        """Fix the entries of parameter ``name`` where ``mask`` is 0 at zero, now and during training.

        Raises
        ------
        InputError
            If there is no such parameter, or the mask has another shape or values other than 0 and 1.
        """
        parameters = dict(self.named_parameters())
        if name not in parameters:
            raise InputError(f"mask: no parameter '{name}' (valid: {', '.join(sorted(parameters))})")
        value = parameters[name]
        tensor = torch.as_tensor(mask).to(value)
        shape = value.shape if self.members is None else value.shape[1:]
        if tensor.shape != shape or not bool(((tensor == 0) | (tensor == 1)).all()):
            raise InputError(f"mask of '{name}': expected zeros and ones of shape {tuple(shape)}")
        self.masks[name] = tensor
        with torch.no_grad():
            value.mul_(tensor)

    def initial_state(self, batch: int) -> Tensor:
        """Return the state at the start of a trial: zeros (…, batch, state)."""
        reference = next(self.parameters())
        lead = () if self.members is None else (self.members,)
        return reference.new_zeros((*lead, batch, self.state_size))

    def draw_noise(self, batch: int, steps: int, generator: torch.Generator | Generators | None) -> Tensor | None:
        """Return standard normal numbers (…, batch, steps, noise), or None when the dynamics take none.

        With members, ``generator`` is one generator per member, so that a member's noise does not depend on
        which others are trained beside it.
        """
        size = self.noise_size()
        if size == 0:
            return None
        reference = next(self.parameters())
        sources = [generator] if generator is None or isinstance(generator, torch.Generator) else list(generator)
        if len(sources) != (self.members or 1):
            raise InputError(f"generator: expected {self.members or 1}, one per member, found {len(sources)}")
        drawn = [
            torch.randn((batch, steps, size), generator=source, dtype=reference.dtype, device=reference.device)
            for source in sources
        ]
        return drawn[0] if self.members is None else torch.stack(drawn)

    def forward(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        generator: torch.Generator | Generators | None = None,
    ) -> Trajectory:
        """Run the model over ``inputs`` (…, trial, time, input) from ``state`` (…, trial, state), zeros when None.

        Raises
        ------
        InputError
            If the inputs, the state or the number of generators do not fit the model.
        """
        return self.run(*self.prepared(inputs, state, generator))

    def prepared(
        self, inputs: Tensor, state: Tensor | None, generator: torch.Generator | Generators | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return inputs, initial state and noise of a run, checked, with a member axis if the model has one."""
        inputs = self.with_member_axis(inputs, 3).to(self.dtype)
        lead = () if self.members is None else (self.members,)
        expected = (*lead, *inputs.shape[-3:-1], self.config.n_inputs)
        if inputs.ndim != len(lead) + 3 or tuple(inputs.shape) != expected or 0 in expected:
            wanted = (*lead, "trial", "time", self.config.n_inputs)
            found = tuple(inputs.shape)
            raise InputError(f"inputs: expected shape {wanted} of at least one trial and step, found {found}")
        batch, steps = inputs.shape[-3], inputs.shape[-2]
        state = self.initial_state(batch) if state is None else self.with_member_axis(state, 2).to(self.dtype)
        if tuple(state.shape) != (*lead, batch, self.state_size):
            raise InputError(f"state: expected shape {(*lead, batch, self.state_size)}, found {tuple(state.shape)}")
        return inputs, state, self.draw_noise(batch, steps, generator)

    def respond(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        generator: torch.Generator | Generators | None = None,
    ) -> Trajectory:
        """Run the model as :meth:`forward` does, for a loss: long runs of families with large states keep none."""
        return self(inputs, state, generator)  # type: ignore[no-any-return]

    def run(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Trajectory:
        """Return the trajectory of the loop over ``step``; a family may override this with a faster equivalent."""
        states = self.run_steps(inputs, state, noise)
        return Trajectory(states, self.readout(states))

    def run_steps(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Tensor:
        """Return the states (…, trial, time, state) of the plain loop over ``step``."""
        # Indexing inputs[:, t] inside the loop would make the backward pass quadratic in time.
        noises = [None] * inputs.shape[-2] if noise is None else noise.unbind(-2)
        visited = []
        for input, draw in zip(inputs.unbind(-2), noises, strict=True):
            state = self.step(state, input, draw)
            visited.append(state)
        return torch.stack(visited, dim=-2)

    def weight(self, name: str) -> Tensor:
        """Return a parameter by name: also one that ``torch.func.functional_call`` has put in its place."""
        value: Tensor = getattr(self, name)
        return value

    def with_member_axis(self, tensor: Tensor, ndim: int) -> Tensor:
        """Return ``tensor`` with a leading member axis when the model has one and the tensor does not."""
        if self.members is None or tensor.ndim > ndim:
            return tensor
        return tensor.expand(self.members, *tensor.shape)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters as NumPy arrays, with the member axis if there is one."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.named_parameters()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> Self:
        """Set all parameters from arrays and return the model.

        Raises
        ------
        InputError
            If a parameter is missing, has another shape, or holds a value that is not finite.
        """
        for name, value in self.named_parameters():
            if name not in arrays:
                raise InputError(f"parameters: '{name}' is missing (found: {', '.join(sorted(arrays))})")
            array = np.asarray(arrays[name])
            if array.shape != tuple(value.shape):
                raise InputError(f"parameter '{name}': expected shape {tuple(value.shape)}, found {array.shape}")
            if not np.isfinite(array).all():
                raise InputError(f"parameter '{name}': holds values that are not finite")
            with torch.no_grad():
                value.copy_(torch.as_tensor(array))
        return self

    def select_members(self, indices: Sequence[int]) -> Self:
        """Return a model of the chosen members only, keeping masks, device, dtype and frozen parameters."""
        return self._with_arrays({name: array[list(indices)] for name, array in self.arrays().items()}, len(indices))

    def member(self, index: int) -> Self:
        """Return one member as a model of its own, without a member axis."""
        return self._with_arrays({name: array[index] for name, array in self.arrays().items()}, None)

    def batched(self) -> Self:
        """Return this network as a model with a member axis of length 1."""
        if self.members is not None:
            return self
        return self._with_arrays({name: array[None] for name, array in self.arrays().items()}, 1)

    def _with_arrays(self, arrays: Mapping[str, np.ndarray], members: int | None, config: Any = None) -> Self:
        """Return a model of these parameters, with another configuration if one is given."""
        reference = next(self.parameters())
        made = type(self)(config or self.config, members=members, dtype=reference.dtype)
        made.load_arrays(arrays)
        made.to(reference.device)
        for name, mask in self.masks.items():
            made.set_mask(name, mask)
        frozen = [name for name, value in self.named_parameters() if not value.requires_grad]
        made.freeze(frozen)
        return made


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + b for x (…, in), W (out, in); with a member axis on W and b, x is (member, …, in)."""
    if weight.ndim == 2:
        return x @ weight.mT if bias is None else x @ weight.mT + bias
    flat = x.flatten(1, -2)
    y = flat @ weight.mT if bias is None else torch.baddbmm(bias.unsqueeze(-2), flat, weight.mT)
    return y.reshape(*x.shape[:-1], weight.shape[-2])
