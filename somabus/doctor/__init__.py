"""The doctor: what this drive gives, from this machine and against another one, and how the bus on it does.

probes ◄── duel ── taking        one machine: a table of probes
between ◄── rounds ── sight      two machines: a plan, and words over the drive itself (talk)
client                          whether they are two at all
ward                             the bus: a table of looks
mend                             what may be put right without asking
"""
