"""Figures of the study of maturing oculomotor networks, each a study of its own on the same networks."""
