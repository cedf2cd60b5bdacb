"""A U-Net that takes the noise out of photographs: trained for real, in a minute or two.

python -m examples.unet --help

settings  what a run is made of
data      photographs that scikit-image carries, cut and made noisy
network   the U-Net in Flax NNX, on any pair of layer classes
training  steps, checkpoints, resumption
rivals    the same network on Flax's own layers and in PyTorch
pictures  results and curves as PNG
"""
