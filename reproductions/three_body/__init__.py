"""The published experiments on three-body networks; equations and figures: docs/three_body.md."""
