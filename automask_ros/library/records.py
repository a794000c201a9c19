"""The JSON files of a library, as checked records."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from automask_ros.errors import AutomaskError
from automask_ros.library.files import DamagedFile, one_line, read_json
from automask_ros.library.image_file import check_size
from automask_ros.library.labels import check_label, check_view_id
from automask_ros.library.seals import CHECKSUM, unflipped, write_sealed

FORMAT: Final = 2
MOST_VERSIONS: Final = 999_999_999
"""A version's number is the name of a folder."""
#: A numeric class id: what a vision_msgs/VisionClass holds. Tables are made up to the largest.
MAX_CLASS_ID: Final = 65535
MAX_IMAGE_SIZE: Final = 4096

RecordType = TypeVar("RecordType", bound="Record")


def _label(text: str) -> str:
    try:
        return check_label(text)
    except AutomaskError as error:
        raise ValueError(str(error)) from None


def _view_id(text: str) -> str:
    try:
        return check_view_id(text)
    except AutomaskError as error:
        raise ValueError(str(error)) from None


def _below(text: str) -> str:
    """A path that stays below the folder it is relative to."""
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in text:
        raise ValueError(f"{ascii(text)[:80]} is no name of a file below the record's folder")
    return text


Label = Annotated[str, AfterValidator(_label)]
ViewId = Annotated[str, AfterValidator(_view_id)]
FileName = Annotated[str, AfterValidator(_below)]
ClassId = Annotated[int, Field(ge=1, le=MAX_CLASS_ID)]
ImageSize = Annotated[int, Field(ge=1, le=MAX_IMAGE_SIZE)]


class Record(BaseModel):
    """A JSON file of the library. Fields it does not know are kept when it is written again."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class FileRecord(Record):
    """A record that is a file of its own, and says of which format. Older formats are read too."""

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)


class LibraryRecord(FileRecord):
    """library.json: says that a folder is a library, and how its files are laid out.

    ``migrating`` names the backup, below the library, of a migration that is under way.
    """

    migrating: str | None = None


class ImageRecord(Record):
    """The acknowledgement of a view's image: SHA-256 of its file, and of its pixels."""

    sha256: str
    pixels_sha256: str


class MaskRecord(Record):
    """The acknowledgement of a mask: who made it and when, and the verdict on it.

    ``made_by`` is a network (earlier files call the field ``fcn``), or PERSON. ``sha256`` is that
    of the mask's file as it was written, ``pixels_sha256`` that of its pixels, whatever file they
    are in; earlier files have neither. ``replaces`` acknowledges the mask that was there before:
    while its file still is, it is the one that counts.
    """

    made_by: str = Field(validation_alias=AliasChoices("made_by", "fcn"))
    accepted: bool
    score: FiniteFloat = Field(ge=0.0, le=1.0)
    reasons: tuple[str, ...] = ()
    made_at: FiniteFloat
    sha256: str | None = None
    pixels_sha256: str | None = None
    replaces: MaskRecord | None = None

    def of_file(self, sha256: str) -> MaskRecord | None:
        """The acknowledgement of a mask's file with that digest; None when it is of another."""
        if self.sha256 in (None, sha256):
            return self
        before = self.replaces
        return before if before is not None and before.sha256 == sha256 else None


class ViewRecord(FileRecord):
    """objects/LABEL/views/ID.json. What counts are label and id of the path.

    Those inside and ``image`` tell files that have changed places; format 1 has none of them.
    """

    label: Label | None = None
    id: ViewId | None = None
    captured_at: FiniteFloat
    source: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    camera: dict[str, Any] | None = None
    image: ImageRecord | None = None
    mask: MaskRecord | None = None
    vetoed: bool = False

    @model_validator(mode="after")
    def _bearable(self) -> ViewRecord:
        """Its size is believed where its image cannot be read, so it is held to the same bounds."""
        try:
            check_size(self.height, self.width, "the view")
        except AutomaskError as error:
            raise ValueError(str(error)) from None
        return self


class ModelRecord(FileRecord):
    """models/VERSION/model.json: what a model knows and where it comes from.

    ``labels`` maps labels to class ids from 1, ``thresholds`` labels to the least score that
    counts as a detection. ``image_size`` is the trainer's own measure of the input, in pixels.
    ``files`` maps each other file of the version to its SHA-256, ``lost`` names those that were
    damaged and are gone; format 1 has neither.
    """

    version: int = Field(default=0, ge=0, le=MOST_VERSIONS)
    architecture: str
    labels: dict[Label, ClassId]
    base_model: str
    image_size: ImageSize | tuple[ImageSize, ImageSize]
    thresholds: dict[str, FiniteFloat]
    seed: int
    created_at: FiniteFloat
    files: dict[FileName, str] = Field(default_factory=dict)
    lost: tuple[FileName, ...] = ()


class PromotionRecord(Record):
    """One entry of models/promotions.json."""

    version: int = Field(ge=1, le=MOST_VERSIONS)
    at: FiniteFloat
    reason: str
    rollback: bool = False


class PromotionsRecord(FileRecord):
    """models/promotions.json: every promotion and rollback, oldest first."""

    promotions: tuple[PromotionRecord, ...]


class LabelsRecord(FileRecord):
    """models/labels.json: every class id ever given."""

    labels: dict[Label, ClassId]


class JobRecord(FileRecord):
    """jobs/ID.json: an order to train; ``state`` says how far it is, ``message`` how it ended and
    ``version`` what it made."""

    id: str
    created_at: FiniteFloat
    state: Literal["queued", "running", "done", "failed", "cancelled"] = "queued"
    message: str = ""
    version: int | None = None


def read_record(path: Path, kind: type[RecordType]) -> RecordType:
    """Read one record; AutomaskError when the file is missing, damaged or of a newer format.

    One whose checksum does not fit is read all the same: a person may have edited it.
    """
    try:
        return parse_record(path, read_json(path), kind)
    except NewerFormat:
        if unflipped(path.read_bytes()) is not None:
            raise DamagedFile(f"{path} is damaged: format: one bit of it differs") from None
        raise


def parse_record(path: Path, content: Any, kind: type[RecordType]) -> RecordType:
    """Check plain data that came from ``path`` and turn it into a record."""
    content = _as_now(content, kind)
    if isinstance(content, dict):
        written = content.get("format", FORMAT)
        if isinstance(written, int) and written > FORMAT:
            raise NewerFormat(
                f"{path} was written by a newer automask_ros (format {written}, this one reads "
                f"{FORMAT}); upgrade automask_ros"
            )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "content"
        raise DamagedFile(f"{path} is damaged: {where}: {one_line(first['msg'])}") from None


def write_record(path: Path, record: Record) -> None:
    """Write one record with its checksum, atomically and durably; AutomaskError when it holds NaN
    or the like."""
    content = record.model_dump(mode="json")
    if isinstance(record, FileRecord):
        content["format"] = FORMAT
    try:
        write_sealed(path, content)
    except ValueError as error:
        raise AutomaskError(f"cannot write {path}: {one_line(error)}") from error


class NewerFormat(AutomaskError):
    """A record of a format that this version does not know: whole, but not for us."""


def _as_now(content: Any, kind: type[Record]) -> Any:
    """Plain data without its checksum, and in today's shape where format 1 had another."""
    if kind is PromotionsRecord and isinstance(content, list):
        return {"promotions": content, "format": 1}
    if not isinstance(content, dict):
        return content
    if kind is LabelsRecord and not isinstance(content.get("labels"), dict):
        return {"labels": content, "format": 1}
    fields = {name: value for name, value in content.items() if name != CHECKSUM}
    # Format 1 did not write its number everywhere.
    return {"format": 1, **fields} if issubclass(kind, FileRecord) else fields
