"""Legs and training steps that are divided among devices: `python -m benchmarks.sharding`.

layouts     random legs, and how their arrays lie on a mesh
divided     one of them on eight devices: ours or stock JAX's, against one device
sweep       many of them, in child processes, because XLA may end one
steps       training steps on volumes that grow with the number of chips
chips       one of them, compiled for chips that are not here
report      their tables, and the file of all results
"""
