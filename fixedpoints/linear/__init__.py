"""What fixed points do to small perturbations: modes, time scales, non-normality, lines and rings."""
