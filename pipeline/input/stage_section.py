"""A stage as an input file has it, of whatever shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.stages import Stage

SOURCE = "source_execution_id"
REMEDY = f"or name the earlier execution to read from in {SOURCE}"


@dataclass(frozen=True)
class StageSection:
    """One stage of a file."""

    stage: Stage
    section: Any

    @classmethod
    def of(cls, data: Mapping[str, Any], stage: Stage) -> "StageSection":
        """The stage as it stands in the parsed file."""
        return cls(stage, data.get(stage.key))

    @property
    def runs(self) -> bool:
        """Whether it is asked for."""
        return isinstance(self.section, dict) and self.section.get("run") is True

    @property
    def request(self) -> dict[str, Any]:
        """Its input; empty where there is none."""
        return self.at("input")

    def at(self, *keys: str) -> dict[str, Any]:
        """The mapping below these keys; empty where there is none."""
        value = self.section
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}
