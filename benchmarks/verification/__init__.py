"""How well faults in adjoints are found: pairs that are right, and faults to plant in them.

pair           a pair of maps, and its matrices
ways           one map called by JAX, by NumPy, through a callback
convolutions   convolutions as data, of many forms and any size
apart          maps as data whose entries differ in size by many orders
pairs          correct pairs of many kinds (kinds, kinds_apart, kinds_called)
mutants        the planted faults          (faults, conv_faults, wrong_maps)
checkers       ours, and what a checker is; rivals: the others
trials         which pairs are judged
witness        whether a pair is really wrong
hidden         faults that hide            (hidden_scales, hidden_nonlinear, hidden_calls)
records        what was said, as JSON
harness        every checker on every trial
results        rates, the table; picture
field/         operators in use, judged beside dottest
__main__       `python -m benchmarks.verification`
"""
