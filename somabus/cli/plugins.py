"""pydantic's search for plugins, left out where no code but somabus's own runs; why: docs/decisions/0034."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

_SWITCH: Final = "PYDANTIC_DISABLE_PLUGINS"
_METADATA: Final = "importlib.metadata"


@contextmanager
def left_out() -> Iterator[None]:
    """Let pydantic make models in here without looking for plugins, and without the library that it looks with."""
    ours = _SWITCH not in os.environ
    if ours:
        os.environ[_SWITCH] = "__all__"
    later = sys.modules.setdefault(_METADATA, _Later(_METADATA))
    if isinstance(later, _Later):
        importlib.metadata = later  # as an import would
    try:
        yield
    finally:
        if ours:
            del os.environ[_SWITCH]
        if sys.modules.get(_METADATA) is later and isinstance(later, _Later):
            del sys.modules[_METADATA]
            del importlib.metadata


class _Later(ModuleType):
    """Stands for `importlib.metadata`, which takes 10 ms to import, until more is asked of it than where to look."""

    def entry_points(self, **which: str) -> Any:
        """Find entry points, as the real one does."""
        return self._real().entry_points(**which)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for some
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> Any:
        if sys.modules.get(_METADATA) is self:
            del sys.modules[_METADATA]
        return importlib.import_module(_METADATA)
