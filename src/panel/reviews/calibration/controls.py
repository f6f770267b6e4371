"""Control tools: invented tools of known worth, to learn how a judge answers.

One YAML file each: particulars, a text such as a README, a class, and the criteria whose right
answer is not that of the class. Knows nothing of models.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.evidence.readers.markdown import read_markdown
from panel.evidence.readers.passages import cut
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.foundation.strict_yaml import MAX_BYTES, first_fault, read_text, read_yaml
from panel.reviews.personas import Persona
from panel.reviews.prompts import Brief

Class = Literal["good", "bland", "bad", "empty"]

INJECTIONS: Final = "injections.yaml"
"""The one file of the folder that is no control."""

_NAME: Final = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")

SHIP: Final[frozenset[Class]] = frozenset({"good"})
"""The class that deserves yes; the burden of proof is on the tool, so nothing known means no."""


class Control(BaseModel):
    """One invented tool and its right answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    slug: str
    name: str = Field(min_length=1)
    kind: Class = Field(alias="class")
    category: str | None = None
    tagline: str | None = None
    price: str | None = None
    description: str | None = None
    evidence: str = Field(min_length=1)
    but: tuple[str, ...] = ()
    """`persona.criterion` whose right answer is the other one."""

    def brief(self) -> Brief:
        """Return the tool and its passages as a review would see them."""
        return Brief(tool=self.tool(), passages=cut(read_markdown(self.evidence).blocks, "E1"))

    def tool(self) -> Tool:
        """Return the tool itself, without evidence files."""
        return Tool(
            name=self.name,
            category=self.category,
            tagline=self.tagline,
            price=self.price,
            description=self.description,
            slug=self.slug,
        )

    def label(self, key: str) -> float:
        """Return 1 where the right answer to a `persona.criterion` is yes, else 0."""
        return float((self.kind in SHIP) != (key in self.but))


def read_controls(folder: Path, personas: Sequence[Persona]) -> tuple[Control, ...]:
    """Read every control of a folder; raise `ToolError` naming the file that is wrong."""
    keys = set(criterion_keys(personas))
    controls: list[Control] = []
    for path in sorted(p for p in folder.glob("*.yaml") if p.name != INJECTIONS):
        mapping = read_yaml(read_text(path, limit=MAX_BYTES), where=str(path))
        try:
            control = Control.model_validate({**mapping, "slug": path.stem})
        except TypeError:
            raise ToolError(f"{path}: not a control: no mapping") from None
        except ValidationError as error:
            raise ToolError(f"{path}: not a control: {first_fault(error, mapping)}") from None
        if not _NAME.fullmatch(path.stem):
            raise ToolError(
                f"{path}: a control's file is named in small letters, digits and dashes",
                hint="for instance: my-tool.yaml",
            )
        if strangers := sorted(set(control.but) - keys):
            raise ToolError(f"{path}: no persona asks {strangers[0]}")
        controls.append(control)
    if not controls:
        raise ToolError(f"{folder}: no control tools there", hint="leave --controls out")
    return tuple(controls)


def criterion_keys(personas: Iterable[Persona]) -> list[str]:
    """Return `persona.criterion` for everything that is asked, in order."""
    return [f"{p.name}.{c.id}" for p in personas for c in p.criteria]
