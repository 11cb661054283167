"""Studies of dendrites: parallel and recurrent cascade neurons, as single cells and in trained networks."""
