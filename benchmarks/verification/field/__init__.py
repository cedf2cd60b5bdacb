"""Operators that people use, as they call them: right and wrong pairs, judged beside dottest.

operator           an operator, and its wrong adjoints
*_operators        the catalogs, one per library; each says if the library is not installed
catalog            all of them
trial              an operator under a time limit
table              counts, the tables, JSON
"""
