"""Reproductions: one file per study; train, export, analyse, print ours beside the published figures."""
