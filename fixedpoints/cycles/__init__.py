"""Periodic points, limit cycles and Lyapunov exponents."""
