"""How well faults in adjoints are found: pairs that are right, and faults to plant in them.

pair           a pair of maps, and its matrices
convolutions   convolutions as data, of many forms and any size
pairs          a thousand correct pairs of many kinds
mutants        the planted faults          (faults, conv_faults, wrong_maps)
trials         which pairs are judged
checkers       ours, and what a checker is; rivals: the others
harness        every checker on every trial
results        rates, the table, JSON; picture
__main__       `python -m benchmarks.verification`
"""
