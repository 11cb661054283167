"""What is proved about a computed point: existence and uniqueness, or every point of a ReLU network."""
