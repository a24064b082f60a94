"""What tests write down for the summary at the end of the run, gathered from all the processes that ran them."""

_GATHERED: dict[str, dict] = {}


def gathered(name):
    """Return the dictionary of a name: what this process has written down, and at the end what all have."""
    return _GATHERED.setdefault(name, {})


def send(config):
    """Hand what this process has written down to the one that started it, if one did (pytest-xdist)."""
    if hasattr(config, "workeroutput"):
        config.workeroutput["gathered"] = _GATHERED


def receive(output):
    """Take what another process has written down: numbers are added up, tables joined."""
    for name, found in output.get("gathered", {}).items():
        here = gathered(name)
        for key, value in found.items():
            here[key] = here.get(key, 0) + value if isinstance(value, int) else {**here.get(key, {}), **value}
