"""Makes scikit_learn_loop.py, which the tests beside it share, importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
