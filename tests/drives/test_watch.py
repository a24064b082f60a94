"""P6 on one machine: whoever waits is woken, by an event where the system has some and by listing where it has none."""

import os
import shutil
import sys
import threading
import time

import pytest

from somabus.store.directory.watch import FolderWatch

FAR_S = 20.0


def woken(watch, act):
    """Do something while another thread waits; return whether it was woken, and after how many seconds."""
    woken_after = []

    def wait():
        began = time.monotonic()
        if watch.wait(FAR_S):
            woken_after.append(time.monotonic() - began)

    thread = threading.Thread(target=wait)
    thread.start()
    act()
    thread.join(FAR_S)
    return woken_after


@pytest.fixture
def watch(tmp_path):
    """A watch on a folder that lists so rarely that only an event can wake it in time."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    found = FolderWatch(str(folder), poll_s=FAR_S)
    found.wait(0)
    yield found, folder
    found.close()


def test_an_event_wakes(watch):
    """A file that comes wakes the waiter at once, not at the next listing."""
    watching, folder = watch
    (after,) = woken(watching, (folder / "a").touch)
    assert after < FAR_S / 2


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_mail_that_comes_right_after_a_claim_wakes_at_once(tmp_path, monkeypatch):
    """What is taken out of the folder holds nothing back, however long watchdog waits for the other half of a move."""
    grouper = pytest.importorskip("watchdog.observers.inotify_move_event_grouper").InotifyMoveEventGrouper
    monkeypatch.setattr(grouper, "delay", 2 * FAR_S)
    folder, taken, aside = tmp_path / "inbox", tmp_path / "inbox" / "a", tmp_path / "b"
    folder.mkdir()
    taken.touch()
    aside.touch()
    watching = FolderWatch(str(folder), poll_s=FAR_S)
    watching.wait(0)

    def claim_and_arrive():
        taken.rename(tmp_path / "claimed")
        aside.rename(folder / "b")

    (after,) = woken(watching, claim_and_arrive)
    watching.close()
    assert after < FAR_S / 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_child_of_a_fork_leaves_its_parent_listening(watch):
    """A child that waits and closes takes no watcher away from the process that it came from."""
    watching, folder = watch
    child = os.fork()
    if not child:
        watching.wait(0)
        watching.close()
        os._exit(0)
    os.waitpid(child, 0)

    (after,) = woken(watching, (folder / "a").touch)
    assert after < FAR_S / 2


def test_a_watcher_that_died_is_begun_anew(watch):
    """A watcher that died without a word is replaced at the next look, and events wake again."""
    watching, folder = watch
    watching._listener.stop()
    watching.wait(0)

    (after,) = woken(watching, (folder / "a").touch)
    assert after < FAR_S / 2


def test_a_folder_that_was_away_is_heard_again(watch):
    """After its folder went away and came back, the watch tells of it, and events wake again."""
    watching, folder = watch
    shutil.rmtree(folder)
    watching.wait(0)
    watching.wait(0)
    folder.mkdir()

    assert watching.wait(0)
    (after,) = woken(watching, (folder / "a").touch)
    assert after < FAR_S / 2


def test_without_events_listing_wakes(tmp_path):
    """Where no events come, what came is noticed by listing, and nothing that came is slept over."""
    watching = FolderWatch(str(tmp_path), poll_s=0.02, native=False)
    assert watching.wait(0)
    assert not watching.wait(0)
    (tmp_path / "a").touch()
    assert watching.wait(FAR_S)
