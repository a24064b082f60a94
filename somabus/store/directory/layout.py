"""Which path a key means, and which folders may be walked through.

A bus is only where its marker file is: a drive that went away leaves an empty mount point, and a tree made there
would swallow mail on the local disk. Symbolic links are refused at every level below the root.
"""

import errno
import os
import stat
from collections.abc import Collection
from typing import Final

from somabus.errors import StoreDamagedError, StoreUnavailableError
from somabus.store.directory.files import Files
from somabus.store.directory.windows import is_link, on_disk

ENTRY: Final = "entry.json"


class Layout:
    """Paths below one root."""

    def __init__(self, root: str, marker: str | None, files: Files, *, sync: bool) -> None:
        self.root = on_disk(root)
        self._said = root
        self._name = marker
        self._marker = None if marker is None else os.path.join(self.root, marker)
        self._files = files
        self._sync = sync
        self._walked = {self.root}

    def path(self, key: str) -> str:
        """Return the path of a checked key."""
        return f"{self.root}/{key}" if os.sep == "/" else os.path.join(self.root, *key.split("/"))

    def refuse_links(self, path: str) -> None:
        """Refuse a path that leads through a symbolic link.

        A folder is looked at once a process: this keeps a link that somebody left in the tree from being followed;
        it is no defence against one who swaps folders while we run. Folder permissions are.
        """
        if path[: path.rfind(os.sep)] in self._walked:  # nearly always, and quicker to tell than by `dirname`
            return
        folder = os.path.dirname(path)
        todo = []
        while folder not in self._walked:
            todo.append(folder)
            folder, below = os.path.dirname(folder), folder
            if folder == below:
                raise OSError(errno.EINVAL, "not below the root of the store", path)
        for each in reversed(todo):
            found = os.lstat(each)
            if is_link(found) or not stat.S_ISDIR(found.st_mode):
                raise OSError(errno.ELOOP, "a link or a file stands where a folder should be", each)
            self._walked.add(each)

    def make_folder(self, folder: str) -> None:
        """Make the folder and those above it, as far as they are missing.

        Raises:
            StoreUnavailableError: the root holds no bus now; nothing was made.
        """
        missing = []
        while folder != self.root and not os.path.lexists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        if not missing:
            return
        self.require_root(os.path.relpath(missing[0], self.root))
        if self._marker is None:
            self._files.make_root(self.root)
        for each in reversed(missing):
            self._walked.discard(each)
            try:
                self._files.mkdir(each)
            except FileExistsError:
                continue  # Race: another writer made it just now.
            if self._sync:
                self._files.sync_folder(os.path.dirname(each))

    def require_root(self, key: str, listed: Collection[str] = ()) -> None:
        """Make sure that the root is still the bus; a listing of it that shows the marker file is enough.

        Raises:
            StoreUnavailableError: the drive is not there.
        """
        if listed and (self._name is None or self._name in listed):
            return
        if self._marker is None:
            if os.path.islink(self.root) and not os.path.exists(self.root):
                raise StoreDamagedError(key, f"{self._said} is a link that leads nowhere")
            return
        try:
            os.stat(self._marker)
        except OSError as error:
            raise StoreUnavailableError(key, f"no bus at {self._said} now") from error
