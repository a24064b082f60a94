"""What the summary of a run says of jobs whose workers were killed."""


def lines(runs):
    """Say what was survived, run by run."""
    for name, said in runs.items():
        yield (
            f"jobs: {name} by four workers in {said['seconds']} s, {said['kills']} of them killed: {said['stalls']} jobs "
            f"taken over, {said['answers']} steps in doubt answered by a human, {said['again']} repeated as declared"
        )
