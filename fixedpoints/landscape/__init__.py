"""Where starts and unstable directions lead: basins of attraction and connections."""
