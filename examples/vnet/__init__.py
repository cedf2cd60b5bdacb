"""A 3-D V-Net, trained on a volume that is divided among devices.

network   the V-Net as pure functions, on any pair of convolutions
training  a step, and its arguments with their shardings
data      volumes, made block by block
"""
