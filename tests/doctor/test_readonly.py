"""P16: a machine that may only look is told so, and still reads how the bus does."""

import os

from pyfakefs.helpers import reset_ids, set_gid, set_uid

from somabus.doctor.finding import Weight
from somabus.doctor.visit import Visit


def test_a_drive_that_refuses_to_write_is_one_finding(fs):
    """Not a row of errors, one for each probe: this machine cannot write there, and who can change that."""
    fs.create_file("/bus/somabus.json", contents="{}")
    os.chmod("/bus", 0o555)  # noqa: S103 - a folder is entered by its execute bit
    set_uid(1000)
    set_gid(1000)
    try:
        (found,) = Visit("/bus", "/home").drive()
    finally:
        reset_ids()

    assert (found.name, found.weight) == ("write", Weight.ERROR)
    assert "give this user the right" in found.step
    assert os.listdir("/bus") == ["somabus.json"]
