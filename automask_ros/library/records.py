"""The JSON files of a library, as checked records."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
)

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line, read_json, write_json

FORMAT: Final = 1

RecordType = TypeVar("RecordType", bound="Record")


class Record(BaseModel):
    """A JSON file of the library. Fields it does not know are kept when it is written again."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class LibraryRecord(Record):
    """library.json: says that a folder is a library, and how its files are laid out."""

    format: Literal[1] = FORMAT


class MaskRecord(Record):
    """The acknowledgement of a mask: who made it and when, and the verdict on it.

    ``made_by`` is a network (earlier files call the field ``fcn``), or PERSON. ``sha256`` is that
    of the mask's file as it was written, ``pixels_sha256`` that of its pixels, whatever file they
    are in; earlier files have neither.
    """

    made_by: str = Field(validation_alias=AliasChoices("made_by", "fcn"))
    accepted: bool
    score: FiniteFloat = Field(ge=0.0, le=1.0)
    reasons: tuple[str, ...] = ()
    made_at: FiniteFloat
    sha256: str | None = None
    pixels_sha256: str | None = None


class ViewRecord(Record):
    """objects/LABEL/views/ID.json. Label and id are the path's and are not repeated inside."""

    format: Literal[1] = FORMAT
    captured_at: FiniteFloat
    source: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    camera: dict[str, Any] | None = None
    mask: MaskRecord | None = None
    vetoed: bool = False


class ModelRecord(Record):
    """models/VERSION/model.json: what a model knows and where it comes from.

    ``labels`` maps labels to class ids from 1, ``thresholds`` labels to the least score that
    counts as a detection. ``image_size`` is the trainer's own measure of the input, in pixels.
    """

    format: Literal[1] = FORMAT
    version: int = Field(default=0, ge=0)
    architecture: str
    labels: dict[str, int]
    base_model: str
    image_size: int | tuple[int, int]
    thresholds: dict[str, float]
    seed: int
    created_at: FiniteFloat


class PromotionRecord(Record):
    """One entry of models/promotions.json."""

    version: int = Field(ge=1)
    at: FiniteFloat
    reason: str
    rollback: bool = False


def read_record(path: Path, kind: type[RecordType]) -> RecordType:
    """Read one record; AutomaskError when the file is missing, damaged or of a newer format."""
    return parse_record(path, read_json(path), kind)


def parse_record(path: Path, content: Any, kind: type[RecordType]) -> RecordType:
    """Check plain data that came from ``path`` and turn it into a record."""
    if isinstance(content, dict):
        written = content.get("format", FORMAT)
        if isinstance(written, int) and written > FORMAT:
            raise AutomaskError(
                f"{path} was written by a newer automask_ros (format {written}, this one reads "
                f"{FORMAT}); upgrade automask_ros"
            )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "content"
        raise AutomaskError(f"{path} is damaged: {where}: {one_line(first['msg'])}") from None


def write_record(path: Path, record: Record) -> None:
    """Write one record, atomically and durably; AutomaskError when it holds NaN or the like."""
    try:
        write_json(path, record.model_dump(mode="json"))
    except ValueError as error:
        raise AutomaskError(f"cannot write {path}: {one_line(error)}") from error
