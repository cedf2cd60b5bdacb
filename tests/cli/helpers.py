"""Small jobs from the words of a command line, without table and picture."""

from jaxdeconv.cli import agreement, arguments, job


def small_job(*words: str) -> job.Job:
    parsed = arguments.job_parser().parse_args(
        arguments.join_negatives(["--size", "7,6", "--kernel-size", "3,2", *words])
    )
    return job.from_options(parsed)


def examine(job: job.Job, *names: str) -> dict[str, agreement.Outcome]:
    """The outcomes of the named implementations, or of all."""
    examination = agreement.Examination(job)
    return {name: examination.examine(name) for name in names or job.transposes()}
