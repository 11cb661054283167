"""Delimited text: long tables with one value or spike in each row, and matrices with one sample in each row."""

from .reading import read_text, why_not_text

__all__ = ["read_text", "why_not_text"]
