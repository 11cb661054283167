"""dynascope: dynamical-systems analysis of trained networks and recordings."""

__version__ = "0.1.0"
