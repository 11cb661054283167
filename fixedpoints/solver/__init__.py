"""The batched Newton method, and how the states that it reaches become distinct points."""
