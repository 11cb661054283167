"""Options of the connectome family's networks."""

import dataclasses

import numpy as np

from ...errors import ConfigurationError
from ...results import Array
from ..config import choice, positive
from .conversion import Conversion, NeuronMatrix, convert
from .data import Connectome, load_connectome
from .densities import scale_densities
from .initialization import SCHEMES
from .null_models import NULL_MODELS

RANDOMIZE = ("none", *NULL_MODELS, "full")


@dataclasses.dataclass(frozen=True)
class ConnectomeConfig:
    """One network whose recurrent weights have the wiring of a connectome; defaults are the published settings.

    Attributes
    ----------
    kind : ``elman``
    connectome, directory : name of a connectome, packaged or in a directory of the original's files (``C_<name>.npy``)
    transpose : read the connectome with targets as rows, as one published file has them
    neurons_per_area : one number for all areas, one for each, or ``rank:Z`` or ``ratio:Z`` of the neuron densities
    n_units : neurons in all; follows from the above
    heterogeneous, sparsity, intrinsic, intrinsic_sparsity, intrinsic_share, self_connections : how areas become
        neurons, see :class:`~dynascope.trainers.connectome.conversion.Conversion`
    template_seed : seed of that conversion, which all networks of an experiment share
    randomize : ``none``, a null model of the template drawn anew for every network, or ``full`` for a network without
    match_radius : scale the initial weights so that their spectral radius is that of the network with ``randomize``
        none and the same draws, which separates topology from gain
    spectral_radius : scale the initial weights to this spectral radius; ``match_radius`` is then not used
    reverse : let connections run against the connectome: the published networks put a (source, target) matrix into
        weights of (target, source)
    initialization, strict_initialization : see :func:`~dynascope.trainers.connectome.initialization.effective_scheme`
    remap : order the initial weights by the ranks of the template
    dale : share of excitatory neurons of a network whose neurons keep their sign; none without Dale's law
    nonlinearity : ``tanh`` or ``relu``
    """

    kind: str = choice("elman", default="elman")
    connectome: str = "Macaque_Normalized"
    directory: str = ""
    transpose: bool = False
    neurons_per_area: int | tuple[int, ...] | str = 4
    n_units: int | None = positive(None)
    n_inputs: int = positive(2)
    n_outputs: int = positive(1)
    heterogeneous: bool = True
    sparsity: float = positive(0.8)
    intrinsic: bool = True
    intrinsic_sparsity: float = positive(1.0)
    intrinsic_share: float = positive(0.8)
    self_connections: bool = False
    template_seed: int = positive(0, zero=True)
    randomize: str = choice(*RANDOMIZE, default="none")
    match_radius: bool = False
    spectral_radius: float | None = positive(None)
    reverse: bool = True
    initialization: str = choice(*SCHEMES, default="default")
    strict_initialization: bool = False
    remap: bool = True
    dale: float | None = positive(None, zero=True)
    nonlinearity: str = choice("tanh", "relu", default="tanh")

    def __post_init__(self) -> None:
        if self.dale is not None and self.dale > 1:
            raise ConfigurationError(f"model.dale = {self.dale}: expected a share of excitatory neurons, 0 to 1")
        if self.dale is not None and self.remap:
            raise ConfigurationError(
                "model.dale: remapping orders signed weights and undoes Dale's law; set model.remap=false"
            )
        if self.randomize == "full" and self.remap:
            raise ConfigurationError(
                "model.randomize = 'full': there is no template to remap onto; set model.remap=false"
            )
        self.conversion  # noqa: B018  # shares outside (0, 1] are refused here

    @property
    def conversion(self) -> Conversion:
        """How areas become neurons."""
        return Conversion(
            self.heterogeneous, self.sparsity, self.intrinsic, self.intrinsic_sparsity, self.intrinsic_share,
            self.self_connections,
        )  # fmt: skip

    def load(self) -> Connectome:
        """Return the connectome.

        Raises
        ------
        InputError
            If there is none of that name; the message says where to get it.
        """
        return load_connectome(self.connectome, self.directory or None, transpose=self.transpose)

    def neurons(self, connectome: Connectome) -> int | Array:
        """Return the number of neurons of all areas, or of each.

        Raises
        ------
        ConfigurationError
            If a rule is not known, or densities are.
        """
        if isinstance(self.neurons_per_area, str):
            method, _, factor = self.neurons_per_area.partition(":")
            if method not in ("rank", "ratio") or not factor.isdecimal() or not int(factor):
                raise ConfigurationError(
                    f"model.neurons_per_area = '{self.neurons_per_area}': expected a number, numbers, rank:Z or ratio:Z"
                )
            if connectome.densities is None:
                asked = f"model.neurons_per_area = '{self.neurons_per_area}'"
                raise ConfigurationError(f"{asked}: the neuron densities of {connectome.name} are not known")
            return scale_densities(connectome.densities, int(factor), method=method)
        return self.neurons_per_area if isinstance(self.neurons_per_area, int) else np.array(self.neurons_per_area)

    def template(self) -> NeuronMatrix:
        """Return the matrix between neurons, rows are sources; the same for equal settings."""
        connectome = self.load()
        generator = np.random.default_rng(self.template_seed)
        return convert(connectome.weights, self.neurons(connectome), generator=generator, options=self.conversion)
