"""One stage's section of ``input.yaml``, not yet validated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.stages.stage import Stage

SOURCE = "source_execution_id"
REMEDY = f"or name the earlier execution to read from in {SOURCE}"


@dataclass(frozen=True)
class StageSection:
    """One stage's section; it may have any shape."""

    stage: "Stage"
    value: Any

    @classmethod
    def of(cls, data: Mapping[str, Any], stage: "Stage") -> "StageSection":
        """Returns the stage's section in the parsed file."""
        return cls(stage, data.get(stage.key))

    @property
    def runs(self) -> bool:
        """Whether the stage is to run."""
        return isinstance(self.value, dict) and self.value.get("run") is True

    @property
    def request(self) -> dict[str, Any]:
        """Its ``input``; empty if there is none."""
        return self.at("input")

    def at(self, *keys: str) -> dict[str, Any]:
        """Returns the mapping below these keys; empty if there is none."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}
