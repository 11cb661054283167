"""HDF5 files that are whole or absent, verifiable, and safe to open.

This header fixes the interface; see docs/archive.md for the rules of the files.
"""
