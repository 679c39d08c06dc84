"""Where the same trainer goes next: a convolutional network, layer by layer."""
