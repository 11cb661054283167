"""Studies of bio-instantiated recurrent networks: what the wiring of a brain does to dynamics and learning."""
