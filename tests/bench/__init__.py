"""The benchmark: somabus beside its peers and beside the bare system calls, in one run. `python -m tests.bench --help`.

    works/    what is measured, one work a module        queues/     who is measured: somabus, the peers, the floor
    run.py    the rounds, in which rows take turns       runners/    the same, for jobs
                                                         targets.py  what was promised, as checks (check.py)

It is no test: nothing fails on a time. `somabus bench` is the user's tool for a drive of his own.
"""
