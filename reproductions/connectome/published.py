"""Figures to compare with: spectral radii at initialisation, measured with the published program."""

Radius = tuple[float, float]

#: columns of :data:`RADII`
MEASURED = ("bio, heterogeneous, remap", "bio, homogeneous, remap", "bio, no remap", "rand")
#: connectome → initialisation → spectral radius, mean and s.d. of five seeds, 4 neurons per area, one per column
RADII: dict[str, dict[str, tuple[Radius, Radius, Radius, Radius]]] = {
    "Marmoset_Normalized": {
        "default": ((0.912, 0.024), (1.766, 0.002), (0.43, 0.01), (0.415, 0.01)),
        "xavier": ((1.573, 0.048), (3.067, 0.015), (0.75, 0.02), (0.72, 0.02)),
        "he": ((2.224, 0.067), (4.337, 0.021), (1.06, 0.02), (1.02, 0.02)),
    },
    "Macaque_Normalized": {
        "default": ((0.973, 0.057), (1.581, 0.009), (0.44, 0.02), (0.43, 0.01)),
        "xavier": ((1.689, 0.080), (2.767, 0.026), (0.76, 0.02), (0.74, 0.02)),
        "he": ((2.388, 0.113), (3.914, 0.037), (1.07, 0.03), (1.05, 0.03)),
    },
    "Human_Betzel_Normalized": {
        "default": ((0.352, 0.021), (1.053, 0.005), (0.25, 0.01), (0.237, 0.004)),
        "xavier": ((0.612, 0.039), (1.818, 0.006), (0.44, 0.02), (0.41, 0.01)),
        "he": ((0.865, 0.055), (2.570, 0.009), (0.62, 0.02), (0.58, 0.01)),
    },
}
#: learning rate → strategy and topology → 99 % epochs of two seeds on P = 3, tanh, default initialisation; OF THE
#: MARMOSET, 220 units
MARMOSET_SETTLED: dict[float, dict[tuple[str, str], str]] = {
    1e-4: {
        ("heterogeneous, remap", "bio"): "118, 152", ("heterogeneous, remap", "rand"): "130, 135",
        ("homogeneous, remap", "bio"): "163, 171", ("no remap", "bio"): "113, 103",
    },
    1e-3: {("heterogeneous, remap", "bio"): "21–23", ("heterogeneous, remap", "rand"): "21–23"},
}  # fmt: skip


def radius(connectome: str, initialization: str, strategy: str, topology: str) -> Radius | None:
    """Return the measured (mean, s.d.) of a strategy and topology by name, None where there is none."""
    if connectome not in RADII or topology not in ("bio", "rand"):
        return None
    column = "rand" if topology == "rand" else f"bio, {strategy}"
    return RADII[connectome][initialization][MEASURED.index(column)]
