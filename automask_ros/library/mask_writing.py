"""How a mask comes to a view, takes another's place, or gets another verdict.

All of it happens while the object's lock is held. At each instant the file that lies there has its
own verdict: a process killed in between leaves the mask from before, or the new one.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from automask_ros.library import files
from automask_ros.library.image_file import pixels_digest
from automask_ros.library.mask_files import MaskState
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.records import MaskRecord, ViewRecord
from automask_ros.types import Mask, Verdict, View


def write_first_mask(folder: ObjectFolder, view_id: str, mask: Mask, made_by: str) -> MaskRecord:
    """Write the file of a mask that no JSON acknowledges yet; what is to acknowledge it."""
    data, record = _encoded(mask, made_by)
    files.write_bytes(folder.mask_path(view_id), data)
    return record


def replace_mask(folder: ObjectFolder, view_id: str, mask: Mask, made_by: str) -> View:
    """Keep a mask in place of the one that a view has, if it has one."""
    record = folder.read(view_id)
    data, new = _encoded(mask, made_by)
    before = folder.mask_state(view_id, record)
    if before is not None and before.sha256 is not None:
        # From here on the JSON knows both, and the file says which of them counts.
        both = new.model_copy(update={"replaces": _as_record(before)})
        folder.write(view_id, record.model_copy(update={"mask": both}))
    elif record.mask is not None:
        # Nothing usable is lost, and its verdict must not stand beside new pixels.
        folder.write(view_id, record.model_copy(update={"mask": None}))
    folder.make()  # should somebody have removed all masks with their folder
    files.write_bytes(folder.mask_path(view_id), data)
    return folder.write(view_id, record.model_copy(update={"mask": new}))


def judge_mask(
    folder: ObjectFolder, view_id: str, record: ViewRecord, verdict: Verdict, made_by: str
) -> View:
    """Keep another verdict on the mask that a view has; nothing when it has none."""
    state = folder.mask_state(view_id, record)
    if record.mask is None or state is None:
        return folder.view(view_id)
    known = record.mask.of_file(state.sha256 or "") or record.mask
    judged = {**_words(verdict), "made_by": made_by, "replaces": None}
    judged_mask = known.model_copy(update=judged)
    return folder.write(view_id, record.model_copy(update={"mask": judged_mask}))


def _encoded(mask: Mask, made_by: str) -> tuple[bytes, MaskRecord]:
    pixels = mask.pixels.astype(bool)
    data = files.png_bytes(pixels)
    record = MaskRecord(
        made_by=made_by,
        made_at=time.time(),
        sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=pixels_digest(pixels),
        **_words(mask.verdict),
    )
    return data, record


def _as_record(state: MaskState) -> MaskRecord:
    return MaskRecord(
        made_by=state.made_by,
        made_at=state.made_at,
        sha256=state.sha256,
        **_words(state.verdict),
    )


def _words(verdict: Verdict) -> dict[str, Any]:
    return {
        "accepted": verdict.accepted,
        "score": float(verdict.score),
        "reasons": verdict.reasons,
    }
