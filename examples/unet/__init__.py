"""A U-Net that denoises photographs, trained in a minute or two.

python -m examples.unet --help

settings  the settings of a run
data      photographs of scikit-image, cut into noisy patches
network   the U-Net in Flax NNX, on any pair of layer classes
training  steps, checkpoints, resuming
rivals    the same network on Flax's own layers and in PyTorch
pictures  results and curves as PNG
"""
