"""What is measured for the costs that come with the package."""

from benchmarks import calibrate


def test_the_problems_are_of_all_kinds() -> None:
    drawn = calibrate.problems(6, 6, 6, 1)
    assert len(drawn) == 3 * (len(calibrate.CASES) + 18)
    assert all(problem.geometry.groups > 8 for problem in drawn[-18:])


def test_of_two_runs_the_shorter_time_counts() -> None:
    one, other = ((1.0, 2.0), (3.0,)), ((1.0, 3.0), (3.0,))
    first = {"conv": {"native": [(*one, 2.0)], "im2col": [(*one, 1.0)]}}
    second = {"conv": {"native": [[[1.0, 2.0], [3.0], 1.5], [*other, 7.0]]}}
    assert calibrate.pooled(first, second) == {
        "conv": {"native": [(*one, 1.5), (*other, 7.0)], "im2col": [(*one, 1.0)]}
    }
