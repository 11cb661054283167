"""The classifiers by name and their options."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ConfigurationError, unknown_name
from .linear import FixedShrinkage, NearestCentroid, OwnCovariance, Ridge

# Name → options and their defaults.
CLASSIFIERS: Mapping[str, Mapping[str, Any]] = {
    "lda": {"shrinkage": 0.1},
    "ridge": {"alpha": 1.0},
    "nearest_centroid": {},
    "logistic": {"C": 1.0},
    "svm": {"C": 1.0},
    "rbf_svm": {"C": 1.0, "gamma": "scale"},
}


def resolve(classifier: Any, options: Mapping[str, Any]) -> tuple[Any, str]:
    """Return a decoder, closed-form or a scikit-learn estimator, and its description in words.

    Raises
    ------
    ConfigurationError
        If there is no such classifier, it has no such option, or a value is out of range.
    """
    if not isinstance(classifier, str):
        if not (hasattr(classifier, "fit") and hasattr(classifier, "predict") and hasattr(classifier, "get_params")):
            names = ", ".join(CLASSIFIERS)
            raise ConfigurationError(
                f"classifier: expected one of {names} or a scikit-learn classifier, found {classifier!r}"
            )
        _known_options(type(classifier).__name__, options, {})
        return classifier, type(classifier).__name__
    if classifier not in CLASSIFIERS:
        raise ConfigurationError(unknown_name("classifier", classifier, CLASSIFIERS))
    defaults = CLASSIFIERS[classifier]
    _known_options(classifier, options, defaults)
    chosen = {**defaults, **options}
    words = ", ".join(f"{name} {value}" for name, value in chosen.items())
    return _build(classifier, chosen), f"{classifier} ({words})" if words else classifier


def _known_options(classifier: str, options: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in options:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise ConfigurationError(f"unknown option '{name}' of classifier {classifier}, which {takes}")


def _build(classifier: str, options: Mapping[str, Any]) -> Any:
    if classifier == "lda":
        shrinkage = options["shrinkage"]
        if shrinkage == "auto" or shrinkage is None or _number("shrinkage", shrinkage, most=1.0) == 0:
            return OwnCovariance(automatic=shrinkage == "auto")
        return FixedShrinkage(float(shrinkage))
    if classifier == "ridge":
        return Ridge(_number("alpha", options["alpha"], above=True))
    if classifier == "nearest_centroid":
        return NearestCentroid()
    penalty = _number("C", options["C"], above=True)
    if classifier == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=penalty, max_iter=1000)
    from sklearn.svm import SVC

    if classifier == "svm":
        return SVC(kernel="linear", C=penalty)
    gamma = options["gamma"]
    if gamma not in ("scale", "auto"):
        gamma = _number("gamma", gamma, above=True)
    return SVC(kernel="rbf", C=penalty, gamma=gamma)


def _number(name: str, value: Any, *, above: bool = False, most: float = np.inf) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (number > 0 if above else number >= 0) or number > most or not np.isfinite(number):
        wanted = "a number above 0" if above else f"a number from 0 to {most:g}"
        raise ConfigurationError(f"{name}: found {value!r}, expected {wanted}")
    return number
