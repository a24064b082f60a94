"""P2. Never half: no reader, on any machine, ever acts on a partly written file."""

from somabus import Agent, Draft, create_bus
from somabus.model.slot import State
from somabus.model.tree import box
from somabus.store.directory import DirectoryStore, syncfs
from somabus.store.directory.files import Files
from somabus.store.directory.mount import mount_of
from somabus.testing import Fuse, HandClock, StoppingFiles, World
from somabus.testing.faults import Crash


def test_a_name_appears_only_on_a_whole_file(tmp_path):
    """Whatever step the disk stops at, what is visible in the inbox is every byte of a message or nothing at all."""
    for at in range(1, 40):
        folder = tmp_path / str(at)
        clock = HandClock()
        world = World(DirectoryStore(str(folder), writer="p", durability="none", now=clock.now), clock)
        world.agent("planner")
        scout, fuse = world.agent("scout"), Fuse()
        mortal = DirectoryStore(str(folder), writer="m", durability="full", now=clock.now, files=StoppingFiles(fuse))
        sender = world.agent("scout", store=mortal)
        fuse.at = fuse.steps + at

        try:
            sender.send_many([Draft("planner", "x" * 2000) for _ in range(3)])
        except Crash:
            pass

        whole = [letter.opened for letter in world.agent("planner").inbox.peek()]
        assert all(opened and len(opened.message.body) == 2000 for opened in whole)
        assert scout.send("planner", "after it").id


def test_full_durability_syncs_bytes_before_the_name_and_the_folder_after(tmp_path):
    """With durability `full` the bytes are forced to the disk before the name exists, and the name before send returns."""
    steps = []

    class Spy(Files):
        def write_new(self, path, data, sync):
            steps.append("write and sync" if sync else "write")
            super().write_new(path, data, sync)

        def __getattribute__(self, name):
            if name in ("link", "replace", "sync_folder", "sync_drive"):
                steps.append(name)
            return super().__getattribute__(name)

    store = DirectoryStore(str(tmp_path), writer="w", durability="full", files=Spy())
    store.create("box/1.json", b"1")
    store.move("box/1.json", "done/1.json")
    found = {}
    for name, act in {
        "create": lambda: store.create("box/2.json", b"2"),
        "replace": lambda: store.replace("box/2.json", b"3"),
        "create_many": lambda: store.create_many([("box/3.json", b""), ("box/4.json", b"")]),
        "a batch": lambda: store.create_many([(f"box/{n}.json", b"") for n in range(10, 30)]),
        "move": lambda: store.move("box/2.json", "done/2.json"),
    }.items():
        steps.clear()
        act()
        found[name] = list(steps)

    together = (
        [*["write"] * 20, "sync_drive"] if syncfs.available() and mount_of(tmp_path).dated else ["write and sync"] * 20
    )
    assert found == {
        "a batch": [*together, *["replace"] * 20, "sync_folder"],
        "create": ["write and sync", "link", "sync_folder"],
        "replace": ["write and sync", "replace", "sync_folder"],
        "create_many": ["write and sync"] * 2 + ["replace"] * 2 + ["sync_folder"],
        "move": ["replace", "sync_folder"],
    }


def test_a_half_written_file_of_another_writer_is_set_aside(tmp_path):
    """A foreign writer that breaks the rules and writes in place harms itself alone: its torn file is a dead letter."""
    create_bus(tmp_path / "bus")
    planner = Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    planner.send("planner", "good")
    inbox = tmp_path / "bus" / box("planner", State.INBOX)
    good = next(inbox.iterdir())
    (inbox / f"1{good.name[1:]}").write_bytes(good.read_bytes()[:100])

    bodies = [delivery.message.body for delivery in planner.inbox.drain()]

    assert bodies == ["good"]
    assert [letter.reason for letter in planner.inbox.dead()] == ["malformed"]
