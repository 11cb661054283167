"""What chance and sampling do to centred kernel alignment (CKA).

``significance`` gives the exact moments of CKA under permutation of samples, and a p-value without permuting
(``kernel_shape``: the sums over a kernel matrix that they need; ``permutation_moments``: the closed forms).
``interval`` gives debiased values with jackknife intervals from one pass (``chunk_moments``: sums that add up over
chunks; ``jackknife``: the interval of chunks of unequal size).
"""

from .interval import CKAInterval, cka_interval
from .significance import CKATest, cka_test

__all__ = ["CKAInterval", "CKATest", "cka_interval", "cka_test"]
