"""Which algorithm for which problem: predicted costs, what was measured, and the choice.

The map, from the bottom up:

    costmodel       predicted seconds of an algorithm (costs/: measured, on CPUs)
    tuning_cache    what `autotune` measured, kept from one process to the next
    planner         the choice among the algorithms, with its reasons
    registry        algorithms of your own
"""
