"""Branches of fixed points along a parameter, their bifurcations, and points through training."""
