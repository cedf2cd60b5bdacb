"""A 3-D V-Net, trained on a volume that is divided among devices.

python -m examples.vnet --help

data      volumes, made block by block
network   the V-Net as pure functions, on any pair of convolutions
training  a step, its arguments with their shardings, and what memory it needs
pictures  who holds what, and what is exchanged
"""
