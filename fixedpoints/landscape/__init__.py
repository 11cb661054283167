"""Where orbits end: basins of attraction, and the orbits that connect saddles with attractors."""
