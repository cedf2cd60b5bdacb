"""Benchmarks. See README.md in this folder for the questions they answer, and the commands.

cases                  layers of real networks, shapes of cited issues
draws                  random geometries, and layers like those of networks
programs               what is timed: a forward pass and a training step, ready to run
jax_contestants        ours, and stock (plain) JAX with its own autodiff
framework_contestants  Flax NNX and Equinox                        (skipped if not installed)
torch_contestants      torch in both memory layouts; the float64 reference    (needs torch)
contestants            the registry of all of them
legs                   the three legs of a case, each as a call of a public function
check                  the check of every answer before it is timed
timing                 alternation, medians of ratios, the peak of the matrix product
machine                a description of the machine
markdown               tables, and their places in a README
measure                one case: prepare, check, time
report, plot           table, Markdown, JSON; picture               (need rich; matplotlib)
run                    `python -m benchmarks.run`: ours against the rivals
calibrate              `python -m benchmarks.calibrate`: the cost model of the planner
gpu                    `python -m benchmarks.gpu`: all that one visit to a GPU is needed for
regret                 `python -m benchmarks.regret`: our choice against our other algorithms
"""
