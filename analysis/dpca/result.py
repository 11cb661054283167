"""What demixed PCA found: axes, components, variances, and their use on new activity."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import InputError, unknown_name
from ...results import digest_arrays
from .. import validation
from ..validation import Array
from .bootstrap import axis_angles
from .design import Design
from .permutation import Significance, component_tests
from .record import Components

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class DemixedPCA(Components):
    """Demixed principal components of activity, by marginalization.

    Mappings from the name of a marginalization ("s", "st", …), for k components each:

    - ``encoders`` and ``decoders`` (unit, k): component = decoderᵀ (activity − mean), activity ≈ mean + Σ encoder ·
      component. Encoders of one marginalization are orthonormal; the entry of largest magnitude is positive.
    - ``components`` (k, levels of each factor …, time): the averages of the conditions on the decoders.
    - ``explained_variance`` (k,): share of the variance of the activity, trial noise removed (see ``variance_basis``).
    - ``marginal_variance`` (one number): the same for the marginalization as a whole, whatever the components.
    - ``p_values`` and ``familywise_p_values`` (k, time), for marginalizations that have factors; None without
      permutations. Familywise over the components and times of a marginalization.

    The fields that are saved, flat arrays and the design, are those of :class:`Components`.
    """

    kind: ClassVar[str] = "demixed_pca"

    def transform(self, activity: Any, marginalization: str | None = None) -> Any:
        """Return the components of activity (…, unit): (k, …), or name → (k, …) when no marginalization is named.

        Raises
        ------
        InputError
            If the units are not those of the fit, a value is not finite, or the marginalization is unknown.
        """
        centred = self._units(activity) - self.mean
        if marginalization is not None:
            return np.moveaxis(centred @ self.decoders[self._known(marginalization)], -1, 0)
        return {name: np.moveaxis(centred @ decoder, -1, 0) for name, decoder in self.decoders.items()}

    def reconstruct(self, activity: Any, marginalization: str | None = None) -> Array:
        """Return what the components keep of activity (…, unit), in the same shape.

        Of one marginalization, its own contribution (which has no mean); of all together, their sum and the mean.

        Raises
        ------
        InputError
            As :meth:`transform`.
        """
        centred = self._units(activity) - self.mean
        if marginalization is not None:
            at = self.slices[self._known(marginalization)]
            found: Array = centred @ self.decoder_matrix[:, at] @ self.encoder_matrix[:, at].T
            return found
        found = self.mean + centred @ self.decoder_matrix @ self.encoder_matrix.T
        return found

    def significance(self, activity: Any, factors: Any, *, n_permutations: int = 1000, seed: int = 0) -> Significance:
        """Test these components on new trials; ``dpca(…, permutations=n)`` splits the trials that there are.

        Parameters
        ----------
        activity : (trial, time, unit)
            Trials that had no part in the fit.
        factors : mapping
            Letter → labels (trial,), with the levels of the fit.

        Returns
        -------
        Significance
            ``p_values`` and ``familywise``, name → (k, time), for marginalizations that have factors.

        Raises
        ------
        InputError
            If these are the trials of the fit, units or labels do not match it, or no cell has two trials.
        """
        found, design = self._trials(activity, factors)
        if digest_arrays([found]) == self.input_digest:
            raise InputError(
                "activity: these are the trials that the axes were fitted to, on which noise looks like structure; "
                "give other trials, or use dpca(..., permutations=n), which tests on half of them"
            )
        names = {name: tuple(members) for name, members in self.terms.items()}
        with threadpool_limits(1, user_api="blas"):
            return component_tests(self.transform(found), design, names, n_permutations=n_permutations, seed=seed)

    def axis_cones(
        self, activity: Any, factors: Any, *, n_resamples: int = 200, level: float = 0.95, seed: int = 0
    ) -> dict[str, Array]:
        """Return how far each encoder may be off: name → (k,), radians.

        The angle within which the share ``level`` of the encoders fitted to bootstrap resamples lie: trials are drawn
        within cells and paired with these axes. Give the trials of the fit. π/2 means that the axis is not
        determined. About the cost of a fit per resample.

        Raises
        ------
        InputError
            As :meth:`significance`, but for the trials of the fit.
        """
        found, design = self._trials(activity, factors)
        with threadpool_limits(1, user_api="blas"):
            angles = axis_angles(
                found,
                design,
                {name: tuple(members) for name, members in self.terms.items()},
                self.encoders,
                regularizer=self.regularizer,
                encoder=str(self.parameters.get("encoder", "regularized")),
                n_resamples=n_resamples,
                seed=seed,
            )
        return {name: np.quantile(values, level, axis=0) for name, values in angles.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and, by name, the shares of variance as plain Python values."""
        shares = {name: values.tolist() for name, values in self.explained_variance.items()}
        return {**super().to_dict(), "explained_variance": shares, "marginal_variance": self.marginal_variance}

    def summary(self) -> str:
        """Return the design, the regularizer, and for each marginalization its share of variance and components."""
        from .text import summary

        return summary(self)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the whole figure and return its first axes; on given axes, only the explained variances."""
        from .figure import draw, draw_explained

        return draw(self) if ax is None else draw_explained(self, ax)

    def _known(self, marginalization: str) -> str:
        if marginalization not in self.marginalizations:
            raise InputError(unknown_name("marginalization", marginalization, self.marginalizations))
        return marginalization

    def _units(self, activity: Any) -> Array:
        found = np.asarray(validation.sliceable("activity", activity)[...])
        if found.ndim < 1 or found.shape[-1] != len(self.mean):
            raise InputError(f"activity: has shape {found.shape}; expected (…, unit) with {len(self.mean)} units")
        validation.real_numbers("activity", found)
        validation.finite("activity", found)
        return found

    def _trials(self, activity: Any, factors: Any) -> tuple[Array, Design]:
        found = validation.trajectories("activity", activity)
        self._units(found)
        if found.shape[1] != self.component_matrix.shape[-1]:
            raise InputError(
                f"activity: has {found.shape[1]} time samples, the fit had {self.component_matrix.shape[-1]}"
            )
        design = Design.of(factors, len(found), self.levels)
        if set(design.letters) != set(self.factors):
            raise InputError(f"factors: found {', '.join(design.letters)}; expected {', '.join(self.factors)}")
        return found, design
