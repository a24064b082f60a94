"""What lies on a bus, for tests that say that something stays as it was."""

import os
from pathlib import Path


def lying(bus):
    """Every folder and file of a bus, sorted, but for tmp/, which other threads may be writing in meanwhile."""
    found = []
    for folder, folders, files in os.walk(bus):
        if folder == str(bus):
            folders[:] = [each for each in folders if each != "tmp"]
        found += [Path(folder, each) for each in (*folders, *files)]
    return sorted(found)
