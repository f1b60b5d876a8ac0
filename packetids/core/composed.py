"""Compose params.yaml, conf/ and a command line by Hydra into plain values, and tell who set what.

Names of groups and options are checked here, values in `settings`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packetids.core.errors import PacketidsError

PARAMS = Path("params.yaml")
CONF = Path("conf")
MISSING = "???"  # OmegaConf's mark of a value that is still to be set


@dataclass(frozen=True)
class Composed:
    """The values of all settings, not yet checked, and where each comes from."""

    values: dict[str, Any]  # of a group a dict, of a single key its value
    options: dict[str, str]  # of each group
    given: frozenset[str]  # names that the command line sets, as in "fnn.dropout"

    def place(self, name: str) -> str:
        """Return the file in which to edit the setting `name`, such as "fnn.dropout" or "seed"."""
        group = name.partition(".")[0]
        if any(f"{one}.".startswith(f"{name}.") for one in self.given):
            return "on the command line"
        if group not in self.options:
            return f"in {PARAMS}"
        return f"in {CONF / group}/{self.options[group]}.yaml"


def options(group: str) -> list[str]:
    """List the options of a group: the files of ``conf/<group>/``."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def of_option(group: str, option: str) -> dict[str, Any]:
    """Read the values of one option file as they stand there."""
    return _read(CONF / group / f"{option}.yaml")


def compose(overrides: list[str]) -> Composed:
    """Compose the choices of params.yaml; the command line's `overrides` win.

    Raises
    ------
    PacketidsError
        If a file is no YAML, or a name of a setting, group or option does not exist.
    """
    # Imported here, because the extract tool needs only the classes of the settings.
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    chosen = _read(PARAMS)
    singles = _read(CONF / "config.yaml")
    groups = [
        name for entry in singles.pop("defaults") if isinstance(entry, dict) for name in entry
    ]
    known = sorted([*groups, *singles])
    if unknown := sorted(chosen.keys() - known):
        raise PacketidsError(
            f"{PARAMS}: unknown {', '.join(unknown)}. It may set {', '.join(known)}."
        )
    given = dict(_parsed(one, known) for one in overrides)
    picked = {
        group: _option(group, given[group][1], "")
        if group in given
        else _option(group, chosen.get(group), f"{PARAMS}: ")
        for group in groups
    }
    # "++" adds a name that is not there, which `settings` then refuses in its own words.
    forced = [f"++{text.lstrip('+')}" for name, (text, _) in given.items() if name not in groups]
    try:
        with initialize_config_dir(config_dir=str(CONF.resolve()), version_base=None):
            choices = [f"{group}={option}" for group, option in picked.items()]
            whole = compose("config", [*choices, *forced])
        values = _plain(OmegaConf.masked_copy(whole, known))
    except (HydraException, OmegaConfBaseException) as error:
        raise PacketidsError(
            f"The settings cannot be composed: {_flat(error)}. Correct them in {CONF}/, in "
            f"{PARAMS} or on the command line."
        ) from None
    # Not through Hydra's grammar, in which a path could mean something else.
    values |= {name: chosen[name] for name in singles if name in chosen and name not in given}
    return Composed(values, picked, frozenset(given))


def _parsed(override: str, known: list[str]) -> tuple[str, tuple[str, Any]]:
    """Return the name that an override of the command line sets, with its text and value."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        (parsed,) = OverridesParser.create().parse_overrides([override])
    except HydraException as error:
        why = _flat(error).split(" See https")[0]
        raise PacketidsError(
            f"{override}: needs to be SETTING=VALUE, with quotes within quotes around a value that "
            f"holds spaces, commas or brackets: \"captures='a b'\". ({why})"
        ) from None
    name = parsed.key_or_group
    if parsed.is_delete() or parsed.is_sweep_override():
        raise PacketidsError(f"{override}: a setting needs one value: SETTING=VALUE.")
    if name.split(".")[0] not in known:
        raise PacketidsError(f"{override}: there is no {name}; there are {', '.join(known)}.")
    return name, (override, parsed.value())


def _option(group: str, option: Any, where: str) -> str:
    """Return the option as text."""
    if str(option) not in options(group):
        raise PacketidsError(
            f"{where}{group}: {option} is no option; {CONF / group}/ has "
            f"{', '.join(options(group))}."
        )
    of_option(group, str(option))  # Hydra would not name a file that cannot be read
    return str(option)


def _read(path: Path) -> dict[str, Any]:
    """Read a file of settings as Hydra reads it: 1e-5 is a number, and no name stands twice."""
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return _plain(OmegaConf.load(path))
    except FileNotFoundError:
        raise PacketidsError(
            f"{path.resolve()} is missing. Run stages from the top folder of the repository."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PacketidsError(f"{path}: needs to be YAML in UTF-8: {_flat(error)}.") from None
    except (TypeError, OSError, OmegaConfBaseException) as error:
        raise PacketidsError(
            f"{path}: needs one 'name: value' line per setting: {_flat(error)}."
        ) from None


def _plain(config: Any) -> dict[str, Any]:
    from omegaconf import OmegaConf

    values = OmegaConf.to_container(config, resolve=True)
    if not isinstance(values, dict):
        raise TypeError(f"found {values!r}")
    return {str(name): value for name, value in values.items()}


def _flat(error: Exception) -> str:
    lines: Iterator[str] = (line.strip() for line in str(error).strip().splitlines())
    return " ".join(line for line in lines if line)[:400].rstrip(".")
