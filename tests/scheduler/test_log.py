"""P11. What a scheduled beat prints is kept, and does not grow without end."""

import logging
import os
import sys
from pathlib import Path

import pytest

from somabus.errors import ConfigurationError
from somabus.scheduler import logfile
from somabus.scheduler.logfile import printing_to


def test_what_is_printed_stands_in_the_log_with_its_time(tmp_path):
    """Both outputs go to the file, line by line, each with the time in UTC; missing folders are made."""
    path = tmp_path / "a" / "b" / "x.log"
    with printing_to(path):
        print("one\ntwo")
        print("three", file=sys.stderr)
        print("no line end", end="")
    print("not this")

    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two", "three", "no line end"]
    assert all(line[4] == "-" and line.split(" ")[0].endswith("Z") for line in lines)


def test_warnings_go_there_too_and_come_back(tmp_path, capsys):
    """What the command would log to its terminal stands in the file; afterwards the terminal has it again."""
    log = logging.getLogger("somabus")
    handler = logging.StreamHandler()
    log.addHandler(handler)
    try:
        with printing_to(tmp_path / "x.log"):
            log.warning("lease lost")
        log.warning("after")
    finally:
        log.removeHandler(handler)

    assert "lease lost" in (tmp_path / "x.log").read_text(encoding="utf-8")
    assert capsys.readouterr().err == "after\n"


def test_the_log_is_turned_over(tmp_path, monkeypatch):
    """However long it runs, no more than five files of a bounded size are kept, the newest lines among them."""
    monkeypatch.setattr(logfile, "MAX_BYTES", 1000)
    for run in range(30):
        with printing_to(tmp_path / "x.log"):
            for n in range(10):
                print(f"run {run} line {n}")

    files = sorted(tmp_path.iterdir())
    assert len(files) == 5
    assert all(each.stat().st_size <= 1000 for each in files)
    assert "run 29 line 9" in (tmp_path / "x.log").read_text(encoding="utf-8")


def test_what_no_encoding_can_write_stops_nothing(tmp_path):
    """Half a surrogate pair, as it comes with a foreign file name, is written as an escape."""
    with printing_to(tmp_path / "x.log"):
        print("a\udc80b")

    assert "a\\udc80b" in (tmp_path / "x.log").read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    """If the file cannot be made, the error names it; no beat runs unseen."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"x\.log"), printing_to(tmp_path / "file" / "x.log"):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the file that is always full is Linux's")
def test_a_full_disk_stops_no_beat():
    """If the log cannot take a line any more, what prints goes on."""
    with printing_to(Path("/dev/full")):
        print("lost")
        print("lost, too", file=sys.stderr)
