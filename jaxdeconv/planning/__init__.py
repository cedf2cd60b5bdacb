"""Which algorithm for which problem: predicted costs, what was measured, and the choice.

The map, from the bottom up:

    processor       the CPU of this machine
    tuning_cache    what was measured, kept from one process to the next
    measuring       seconds of one call; and whether legs are to be measured
    devices         accelerators and their speeds (costs/: data sheets', until measured)
    costmodel       predicted seconds of an algorithm (costs/: measured, on CPUs)
    roofline        the same on accelerators, from what compiled programs launch, move and multiply
    calibration     the cost model fitted to what was measured, or corrected by a little of it
    draws           random problems to measure
    planner         the choice among the algorithms, with its reasons
    autotuning      `autotuning`: measure legs where they are first compiled
    registry        algorithms of your own
"""

from jaxdeconv.planning.planner import traced_for as traced_for

__all__ = ["traced_for"]
