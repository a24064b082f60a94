"""The door for coding agents that run commands at certain moments: a session start, after each tool use, on stop.

    a tool's event (JSON on stdin) ─► glance: has anything moved? ─► Agent.announce ─► digest ─► what that tool reads

Nothing here may break the host's session: whatever goes wrong is one line in a log file, silence, and exit 0.
"""
