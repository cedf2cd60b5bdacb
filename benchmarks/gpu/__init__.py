"""`python -m benchmarks.gpu`: all that one visit to a GPU is needed for, in 20 minutes.

Data flows downwards:

    journal      what was done, on disk: another process goes on where XLA ended one
    budget       sections that end in time, and say what they left out
    programs     compiled in parallel; many calls queued for one sample; timed in turn
    card         the GPU: its name, its driver, the name of its constants
    roofline     a compiled program -> its kernels, and the seconds that constants predict for it
    correctness  every leg, algorithm and dtype against the definition, with ==
    constants    micro-benchmarks -> the constants of the roofline
    torch_calls  torch with cuDNN on the benchmark cases                 (needs torch)
    rivals       ours against stock JAX and torch on the benchmark cases
    algorithms   every possible algorithm on the benchmark cases, and the predictions for it
    report       the figures as tables

The figures are one dictionary of types that JSON has, to which each section adds its records.
"""
