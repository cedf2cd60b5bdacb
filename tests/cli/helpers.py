"""Small jobs from the words of a command line, without table and picture."""

from jaxdeconv.cli import arguments, checks, job


def small_job(*words: str) -> job.Job:
    parsed = arguments.job_parser().parse_args(
        arguments.join_negatives(["--size", "7,6", "--kernel-size", "3,2", *words])
    )
    return job.from_options(parsed)


def examine(job: job.Job) -> list[checks.Outcome]:
    examination = checks.Examination(job)
    return [examination.ask(name, way) for name, way in job.transposes().items()]
