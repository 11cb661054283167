"""Parameters of a network as the published state dict, and back."""

from collections.abc import Mapping

from ...results import Array
from .results_folder import STATE_DICT

#: our names of the parameters of a state dict, in its order
PARAMETERS = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias", "output_weight", "output_bias")


def to_state_dict(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters of one network by their published names; template and areas have none."""
    return {published: parameters[own] for own, published in zip(PARAMETERS, STATE_DICT, strict=True)}


def from_state_dict(state: Mapping[str, Array]) -> dict[str, Array]:
    """Return a published state dict by our names of the parameters."""
    return {own: state[published] for own, published in zip(PARAMETERS, STATE_DICT, strict=True)}
