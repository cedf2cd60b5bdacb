"""Unmodified training steps of four frameworks, stock against `accelerate`d.

networks    what is trained, in no framework's words
training    a training step, as its framework's users write it
flax_nnx, flax_linen, equinox_modules, haiku_modules
            the networks in the four frameworks, with their own layers and nothing of ours
compare     the same values first, then the times
report      JSON and a table

`python -m benchmarks.accelerate` runs it.
"""
