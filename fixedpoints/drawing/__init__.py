"""Pictures: phase portraits, spectra, bifurcation diagrams, basins."""
