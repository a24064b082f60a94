"""The suite that every `Store` passes: subclass it, and return a fresh store from `make_store`.

    class TestMyStore(StoreContract):
        def make_store(self, tmp_path):
            return MyStore(tmp_path)

It needs pytest to run and imports none of it.
"""

import os
import threading
from datetime import timedelta
from typing import Any

from somabus.errors import DocumentTooLargeError, InvalidKeyError, KeyExistsError, KeyMissingError
from somabus.store.port import MAX_BYTES, Store

_RACERS = 8
_ROUNDS = 20
BAD_KEYS = (
    "", "/", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "C:/x", "a\\b", "a\nb", "a\x00b", "con", "a/NUL.json",
    "a/aux", "com1.json", ".hidden", "a/.hidden", "trailing.", "trailing ", " leading", "q?", "s*", 'quo"te', "pi|pe",
    "x" * 300, "ümlaut",
)  # fmt: skip


def _raises(kind: type[Exception], act: Any) -> None:
    try:
        act()
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}")


class StoreContract:
    """What the port promises, verb by verb."""

    def make_store(self, tmp_path: Any) -> Store:
        """Return a fresh, empty store."""
        raise NotImplementedError

    def test_what_was_created_is_read_whole(self, tmp_path: Any) -> None:
        """A document reads back byte for byte, whatever its bytes are; one that is not there reads as None."""
        store = self.make_store(tmp_path)
        for n, data in enumerate([b"", b"x", bytes(range(256)) * 1000, b"\r\n\x00"]):
            store.create(f"a/b{n}.json", data)
            assert store.read(f"a/b{n}.json") == data
        assert store.read("a/none.json") is None

    def test_create_never_overwrites(self, tmp_path: Any) -> None:
        """The second creation is refused and changes nothing."""
        store = self.make_store(tmp_path)
        store.create("a/b.json", b"first")
        _raises(KeyExistsError, lambda: store.create("a/b.json", b"second"))
        assert store.read("a/b.json") == b"first"

    def test_create_many_makes_all(self, tmp_path: Any) -> None:
        """A group commit makes every document exist whole, in several folders at once; none is no error."""
        store = self.make_store(tmp_path)
        documents = [(f"box{n % 3}/{n}.json", str(n).encode() * 100) for n in range(30)]
        store.create_many(iter(documents))
        store.create_many([])
        assert all(store.read(key) == data for key, data in documents)

    def test_weighing_counts_the_bytes_below(self, tmp_path: Any) -> None:
        """The weight of a prefix is that of the documents below it, however deep, or of the one there."""
        store = self.make_store(tmp_path)
        store.create("a/b/1.json", b"x" * 10)
        store.create("a/2.json", b"x" * 5)
        store.create("ab/3.json", b"x" * 100)
        assert (store.weigh("a"), store.weigh("a/b"), store.weigh("none")) == (15, 10, 0)
        assert (store.weigh("a/2.json"), store.weigh("")) == (5, 115)

    def test_a_folder_that_is_let_go_comes_back_when_it_is_needed(self, tmp_path: Any) -> None:
        """An empty folder is gone from the listing; one that holds something, or is not there, stays as it is."""
        store = self.make_store(tmp_path)
        store.create("a/b/1.json", b"1")
        store.prune("a/b")
        assert store.list("a/b") == ["1.json"]
        store.delete("a/b/1.json")
        store.prune("a/b")
        store.prune("a/none")
        assert store.list("a") == []
        store.create("a/b/1.json", b"2")
        assert store.read("a/b/1.json") == b"2"

    def test_a_stamp_never_comes_again_after_a_change(self, tmp_path: Any) -> None:
        """A document that was changed, and be it back to what it was, has another stamp than any before, or none."""
        store = self.make_store(tmp_path)
        said: set[str] = set()
        store.create("a/b.json", b"0")
        for n in range(50):
            (stamp,) = store.stamps(["a/b.json"])
            assert store.stamps(["a/b.json"]) in ([stamp], [None])
            assert stamp not in said
            said.add(stamp or f"none {n}")
            if n % 2:
                store.replace("a/b.json", b"%d" % (n % 4))
            else:
                store.delete("a/b.json")
                store.create("a/c.json", b"0")
                store.move("a/c.json", "a/b.json")
        store.delete("a/b.json")
        assert store.stamps(["a/b.json", "a/none.json"]) == [None, None]
        assert store.stamps([]) == []

    def test_replace_gives_old_or_new(self, tmp_path: Any) -> None:
        """A reader beside a writer sees one of the whole versions, never neither and never a mixture."""
        store = self.make_store(tmp_path)
        versions = {bytes([65 + n]) * 5000 for n in range(20)}
        store.replace("card.json", b"A" * 5000)
        seen: list[bytes | None] = []
        stop = threading.Event()

        def look() -> None:
            seen.append(store.read("card.json", listed=True))
            # Windows replaces no file that is open: a reader who never lets go of it would starve the writer.
            while not stop.wait(0.002 if os.name == "nt" else 0):
                seen.append(store.read("card.json", listed=True))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for version in sorted(versions) * 3:
                store.replace("card.json", version)
        finally:
            stop.set()
            reader.join()
        assert seen
        assert set(seen) <= versions

    def test_move_takes_it_along(self, tmp_path: Any) -> None:
        """After a move the document is under the new name alone, in a folder that need not have existed."""
        store = self.make_store(tmp_path)
        store.create("in/a.json", b"1")
        store.move("in/a.json", "out/deep/b.json")
        assert store.read("in/a.json") is None
        assert store.read("out/deep/b.json") == b"1"
        store.move("out/deep/b.json", "in/a.json", durable=False)
        assert store.read("in/a.json") == b"1"

    def test_a_document_is_moved_on(self, tmp_path: Any) -> None:
        """A document goes from name to name, also where it is the first and the only one of the store."""
        store = self.make_store(tmp_path)
        store.create("a.json", b"1")
        for source, target in (("a", "b"), ("b", "c"), ("c", "a")):
            store.move(f"{source}.json", f"{target}.json")
        assert [name for name in store.list("") if name.endswith(".json")] == ["a.json"]
        assert store.read("a.json") == b"1"

    def test_move_of_nothing_is_told(self, tmp_path: Any) -> None:
        """Moving what is not there raises, and makes nothing appear."""
        store = self.make_store(tmp_path)
        store.create("in/a.json", b"1")
        _raises(KeyMissingError, lambda: store.move("in/b.json", "out/b.json"))
        _raises(KeyMissingError, lambda: store.move("nowhere/b.json", "out/b.json"))
        assert store.read("out/b.json") is None

    def test_delete_is_final_and_repeatable(self, tmp_path: Any) -> None:
        """A deleted document is gone on return; deleting it again is no error."""
        store = self.make_store(tmp_path)
        store.create("a.json", b"1")
        store.delete("a.json")
        store.delete("a.json")
        assert store.read("a.json") is None
        store.create("a.json", b"2")
        assert store.read("a.json") == b"2"

    def test_list_is_sorted_and_one_level_deep(self, tmp_path: Any) -> None:
        """A listing names documents and folders one level down, in order; `after` and `limit` cut it."""
        store = self.make_store(tmp_path)
        store.create_many([(f"box/{name}", b"") for name in ("c.json", "a.json", "b.json", "deep/x.json")])
        assert store.list("box") == ["a.json", "b.json", "c.json", "deep"]
        assert store.list("box/") == store.list("box")
        assert store.list("box", after="a.json", limit=2) == ["b.json", "c.json"]
        assert store.list("nothing/there") == []
        assert "box" in store.list("")

    def test_keys_stay_in_the_tree(self, tmp_path: Any) -> None:
        """No verb accepts a key that could leave the tree or that some drive cannot hold; nothing is touched."""
        store = self.make_store(tmp_path)
        store.create("good.json", b"1")
        for key in BAD_KEYS:
            _raises(InvalidKeyError, lambda key=key: store.read(key))
            _raises(InvalidKeyError, lambda key=key: store.stamps([key]))
            _raises(InvalidKeyError, lambda key=key: store.create(key, b""))
            _raises(InvalidKeyError, lambda key=key: store.create_many([(key, b"")]))
            _raises(InvalidKeyError, lambda key=key: store.replace(key, b""))
            _raises(InvalidKeyError, lambda key=key: store.move("good.json", key))
            _raises(InvalidKeyError, lambda key=key: store.delete(key))
        assert store.read("good.json") == b"1"

    def test_huge_documents_are_refused_unread(self, tmp_path: Any) -> None:
        """A document over the limit raises and does not fill the memory."""
        store = self.make_store(tmp_path)
        store.create("big.json", b"x" * (MAX_BYTES + 1))
        _raises(DocumentTooLargeError, lambda: store.read("big.json"))

    def test_creating_has_one_winner(self, tmp_path: Any) -> None:
        """Of several threads that create one key, exactly one succeeds, and its bytes stay."""
        store = self.make_store(tmp_path)
        for n in range(_ROUNDS):
            won = _race(lambda me, n=n: store.create(f"race/{n}.json", str(me).encode()), KeyExistsError)
            assert len(won) == 1
            assert store.read(f"race/{n}.json") == str(won[0]).encode()

    def test_moving_has_one_winner(self, tmp_path: Any) -> None:
        """Of several threads that move one document to names of their own, exactly one succeeds and has it."""
        store = self.make_store(tmp_path)
        for n in range(_ROUNDS):
            store.create(f"in/{n}.json", b"it")
            won = _race(lambda me, n=n: store.move(f"in/{n}.json", f"out/{n}.{me}.json"), KeyMissingError)
            assert len(won) == 1
            assert [name for name in store.list("out") if name.startswith(f"{n}.")] == [f"{n}.{won[0]}.json"]

    def test_lock_excludes_and_is_given_back(self, tmp_path: Any) -> None:
        """Whoever comes second is told so; afterwards the lock is free again."""
        store = self.make_store(tmp_path)
        with store.lock("one") as first:
            assert first
            with store.lock("one") as second:
                assert not second
            with store.lock("two") as other:
                assert other
        with store.lock("one") as again:
            assert again

    def test_wait_notices_what_comes(self, tmp_path: Any) -> None:
        """A waiter comes back when something arrives, also if it arrived before the wait began."""
        store = self.make_store(tmp_path)
        store.create("box/0.json", b"")
        store.wait("box", 0)
        store.create("box/1.json", b"")
        assert store.wait("box", 10)
        while store.wait("box", 0):
            pass  # hints left over from before
        waker = threading.Timer(0.05, lambda: store.create("box/2.json", b""))
        waker.start()
        assert store.wait("box", 10)
        waker.join()

    def test_now_is_aware_and_does_not_go_back(self, tmp_path: Any) -> None:
        """The store's clock is in UTC and never runs backwards."""
        store = self.make_store(tmp_path)
        times = [store.now() for _ in range(50)]
        assert all(time.utcoffset() == timedelta(0) for time in times)
        assert times == sorted(times)


def _race(act: Any, loses: type[Exception]) -> list[int]:
    """Let several threads act at once, and return who won."""
    start = threading.Barrier(_RACERS)
    won: list[int] = []

    def run(me: int) -> None:
        start.wait()
        try:
            act(me)
        except loses:
            return
        won.append(me)

    threads = [threading.Thread(target=run, args=(me,)) for me in range(_RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won
