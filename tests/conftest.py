"""Shared by all tests: one torch thread, so that results do not depend on the machine's load."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "trainers"))  # golden.py, helpers beside the tests that use them


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)
