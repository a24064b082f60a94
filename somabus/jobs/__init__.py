"""Durable jobs: work that is done once, in order, in spite of crashes, reboots and absent humans.

    submit ─► waiting ─► active ─► completed            model/ticket.py has the table
                 ▲         │ ▲
     delayed ────┤         ▼ │
     blocked ────┘   waiting-children

    drafting    a draft becomes a sealed job           picker     which job a worker takes next
    submitter   and lies in its queue                  gates      what must let it begin, beside its turn
    once        once for a key                         holding    a claimed job, until it is settled
    shelf       the folders of one queue, their moves  keeper     makes its lease end later
    records     what lies beside a job                 context    what a handler is handed
    follower    what an end means to those who wait    worker     claims, runs, settles, over and over
    handlers    which function runs which jobs         builtin    the handlers that are there
    control     cancel, pause, resume, replay          look       what lies where, and why a queue stands still

It is beside the mail and apart from it: neither knows the other. A job is a sealed file that moves; whatever else there
is to say of it lies in small files beside it, each written once.
"""
