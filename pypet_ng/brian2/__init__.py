"""How do networks of the spiking neuron simulator brian2 go together with trajectories?"""
