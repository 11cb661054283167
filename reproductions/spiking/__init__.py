"""Studies of spiking networks and biologically plausible learning."""
