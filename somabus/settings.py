"""Settings, read once: an argument beats the environment, the environment beats `somabus.toml`, that beats the default.

`somabus.toml` is looked for in the working folder and those above it:

    bus = "X:/soma_network"
    agent = "scout"
    every = "6h"
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from somabus.errors import ConfigurationError
from somabus.model.names import check_name
from somabus.model.schedule import Schedule
from somabus.store.directory.store import Durability

FILE: Final = "somabus.toml"


class Settings(NamedTuple):
    """Everything that can be set, none of it required; an empty text means: not set."""

    bus: str = ""
    agent: str = ""
    home: str = ""
    every: str = ""
    durability: str = ""

    @classmethod
    def load(cls, environment: Mapping[str, str], folder: Path, **arguments: str | None) -> "Settings":
        """Read all sources once.

        Raises:
            ConfigurationError: the file is no TOML, or names something that cannot be set.
        """
        settings = cls(**_from_file(folder))
        settings = settings._replace(**_from_environment(environment))
        return settings._replace(**{name: value for name, value in arguments.items() if value})


def _check(found: dict[str, str]) -> None:
    for name, value in found.items():
        try:
            if name == "every":
                Schedule.parse(value)
            elif name == "agent":
                check_name(value)
            elif name == "durability":
                Durability(value)
        except (ConfigurationError, ValueError) as error:
            message = f"{name} = {value!r}: {error}"
            raise ConfigurationError(message) from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {name: f"SOMABUS_{name.upper()}" for name in Settings._fields}
    return {name: environment[variable] for name, variable in names.items() if environment.get(variable)}


def _from_file(folder: Path) -> dict[str, Any]:
    path = next((each / FILE for each in (folder, *folder.parents) if (each / FILE).is_file()), None)
    if path is None:
        return {}
    found = _read(path)
    for name, value in found.items():
        if name not in Settings._fields or not isinstance(value, str):
            known = ", ".join(sorted(Settings._fields))
            message = f"{path}: {name} = {value!r} is no setting; known are {known}, all of them texts"
            raise ConfigurationError(message)
    try:
        _check(found)
    except ConfigurationError as error:
        message = f"{path}: {error}"
        raise ConfigurationError(message) from None
    if "bus" in found and "://" not in found["bus"]:
        found["bus"] = os.path.join(path.parent, found["bus"])  # noqa: PTH118 - keeps X:/ paths as they are
    return found


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error
