"""The six published connectomes: where each comes from, whom to cite, and how to obtain those that are not packaged."""

import dataclasses

from ...errors import unknown_name

#: where the files of the published study lie, for those that are not packaged
ORIGINAL_FILES = "the folder 'connectomes' of the public repository AlGoulas/bio2art (MIT licence)"

# fmt: off
_MACAQUE = (
    "V1", "V2", "V4", "TEO", "9/46d", "F5", "8m", "7A", "DP", "2", "5", "7B", "STPr", "STPi", "STPc", "PBr", "TEpd",
    "24c", "F1", "F2", "F7", "ProM", "8l", "9/46v", "46d", "8B", "10", "MT", "7m",
)
_MOUSE_CORTEX = (
    "ACAd", "AL", "AM", "AUDpo", "DP", "GU", "LM", "MM", "MOp", "P", "PL", "PM", "RL", "RSPd", "SSp-bfd", "SSp-un",
    "SSs", "V1", "VISC",
)
# fmt: on


@dataclasses.dataclass(frozen=True)
class Source:
    """What is known of a published connectome without its numbers.

    ``packaged`` says whether the matrix comes with dynascope; ``names`` are the published names of its areas in the
    order of the matrix, empty where the names come with the file; ``transposed`` says that its rows are the targets.
    """

    species: str
    method: str
    citation: str
    packaged: bool = False
    names: tuple[str, ...] = ()
    transposed: bool = False


SOURCES = {
    "Drosophila": Source(
        species="fruit fly, whole brain",
        method="single-neuron tracing, weights between neuropils",
        citation="Chiang et al., Curr. Biol. 21:1-11 (2011), doi 10.1016/j.cub.2010.11.056",
        packaged=True,
    ),
    "Human_Betzel_Normalized": Source(
        species="human, left cortical hemisphere",
        method="diffusion MRI",
        citation="Betzel and Bassett, PNAS 115:E4880-E4889 (2018), doi 10.1073/pnas.1720186115",
    ),
    "Macaque_Normalized": Source(
        species="macaque, cortex",
        method="retrograde tracing, fraction of labelled neurons",
        citation="Markov et al., Cereb. Cortex 24:17-36 (2014), doi 10.1093/cercor/bhs270",
        packaged=True,
        names=_MACAQUE,
    ),
    "Marmoset_Normalized": Source(
        species="marmoset, cortex",
        method="retrograde tracing, fraction of labelled neurons",
        citation="Majka et al., J. Comp. Neurol. 524:2161-2181 (2016), doi 10.1002/cne.24023",
    ),
    "Mouse_Gamanut_Normalized": Source(
        species="mouse, cortex",
        method="retrograde tracing, fraction of labelled neurons",
        citation="Gamanut et al., Neuron 97:698-715 (2018), doi 10.1016/j.neuron.2017.12.037",
        names=_MOUSE_CORTEX,
        transposed=True,
    ),
    "Mouse_Ypma_Oh": Source(
        species="mouse, one hemisphere",
        method="anterograde tracing",
        citation=(
            "Rubinov et al., PNAS 112:10032-10037 (2015), doi 10.1073/pnas.1420315112; "
            "Oh et al., Nature 508:207-214 (2014), doi 10.1038/nature13186"
        ),
        packaged=True,
    ),
}

PACKAGED = tuple(name for name, source in SOURCES.items() if source.packaged)


def why_not_packaged(name: str) -> str:
    """Return the sentence that refuses a connectome which does not come with dynascope, and says what to do."""
    if name not in SOURCES:
        return unknown_name("connectome", name, SOURCES) + "; for one of your own, say where it lies with 'directory'"
    return (
        f"connectome '{name}' does not come with dynascope: fetch C_{name}.npy and Names_{name}.lst from "
        f"{ORIGINAL_FILES} and set 'directory' to where they lie (packaged: {', '.join(PACKAGED)})"
    )
