"""Legs and training steps that are divided among devices: `python -m benchmarks.sharding`.

    layouts     random legs, and how their arrays lie on a mesh
    divided     one of them on eight devices: ours or stock JAX's, against one device
    sweep       many of them, in child processes, because XLA may end one
    report      their table
"""
