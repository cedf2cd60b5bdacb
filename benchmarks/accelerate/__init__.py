"""Unmodified training steps of four frameworks, stock against `accelerate`d.

networks    the networks, independent of any framework
full_size   networks at the sizes at which people train, to be compiled and not timed
training    a training step, as users of its framework write it
flax_nnx, flax_linen, equinox_modules, haiku_modules
            the networks in the four frameworks, with their own layers
compare     checks that the values are the same, then times the steps
report      JSON and a table
compiled    a step compiled for a device that is not here
compiled_report
            JSON and a table for each device

`python -m benchmarks.accelerate` runs it.
"""
