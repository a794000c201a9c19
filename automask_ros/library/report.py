"""Reports as one HTML file each: pictures inside, no links outside, readable without a network.

A report is a list of sections (facts, a table, plots, pictures) that one template lays out. What a
section shows is decided here; how it looks is decided in ``templates/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from automask_ros import drawing
from automask_ros.errors import AutomaskError
from automask_ros.library import files
from automask_ros.library.library import Library
from automask_ros.library.mask_gallery import mask_sections
from automask_ros.library.records import ModelRecord
from automask_ros.library.report_sections import (
    Facts,
    Gallery,
    Picture,
    Plots,
    Section,
    Table,
    display,
    known_precisions,
    loss_plots,
    photograph,
    precision_plots,
    spread,
    thumbnail,
)
from automask_ros.types import Detections

#: A test image with what was found in it: its name, the BGR image, the detections.
Example = tuple[str, np.ndarray, Detections]

_PRECISIONS = ("AP", "AP50", "AP75")
#: More would make a file that a phone cannot open.
_EXAMPLES = 36
_EXAMPLE_WIDTH = 560
_SHEET = 6


def write_masks_report(library: Library, path: Path, labels: Sequence[str] = ()) -> None:
    """Write every mask of some labels, or of all, with its verdict; it needs no model.

    :param path: the HTML file to write, atomically.
    :raises AutomaskError: when the library has no such label, or no view at all.
    """
    known = library.labels()
    unknown = sorted(set(labels) - set(known))
    if unknown or not known:
        wanted = f"no object {ascii(unknown[0])[:80]}" if unknown else "no object"
        raise AutomaskError(f"{library.root} has {wanted}; add views first: automask add")
    chosen = [label for label in known if label in labels or not labels]
    now = datetime.now(timezone.utc)
    subtitle = f"{library.root.absolute().name}, {now:%Y-%m-%d %H:%M} UTC"
    _write(path, "Masks and verdicts", subtitle, mask_sections(library, chosen))


def write_model_report(
    library: Library,
    path: Path,
    *,
    record: ModelRecord | Mapping[str, Any],
    metrics: Mapping[str, Any],
    losses: Sequence[float] | Sequence[Mapping[str, float]] = (),
    composites: Sequence[np.ndarray] | None = None,
    detections: Iterable[Example] | None = None,
) -> None:
    """Write what a model version learned from, how it was trained and how well it does.

    :param path: the HTML file to write, atomically.
    :param record: the version's ``model.json``.
    :param metrics: ``AP``, ``AP50``, ``AP75`` and ``per_label``, directly or below ``evaluation``.
    :param losses: the loss of each step, or for each logged step a mapping of names to losses,
        in which ``step`` may say which step it was.
    :param composites: some training images, BGR, for a contact sheet.
    :param detections: held-out images with what the model finds in them, the worst first.
    """
    provenance = dict(record if isinstance(record, Mapping) else record.model_dump(mode="json"))
    made_at = datetime.fromtimestamp(provenance.pop("created_at"), timezone.utc)
    # Hashes are for programs.
    provenance.pop("hashes", None)
    made = f"{made_at:%Y-%m-%d %H:%M} UTC"
    provenance = {"made": made, **provenance}
    evaluation = metrics.get("evaluation") or metrics
    class_ids = provenance["labels"]
    labels = sorted(class_ids, key=class_ids.__getitem__)
    objects = sorted(provenance.get("views") or labels, key=lambda each: class_ids.get(each, 0))
    # A class that is no object's label stands for all of them.
    classes = {label: [label] if label in objects else objects for label in labels}
    sections: list[Section] = [
        _summary(library, classes, evaluation),
        Plots("Training", [*precision_plots(evaluation, _PRECISIONS), *loss_plots(losses)]),
        *mask_sections(library, objects),
    ]
    if composites:
        sheet = drawing.contact_sheet(list(composites), 4, tile_width=300)
        picture = Picture(photograph(sheet), "training images, composed automatically")
        sections.append(Gallery("What the network saw", [picture], size="full"))
    title = "Detections on held-out views and composites of them: the worst, then the best"
    sections.append(_example_gallery(title, _worst_and_best(list(detections or ()))))
    sections.append(Facts("Where this model comes from", provenance))
    # A version gets its number when it is committed, after its report; 0 stands for none so far.
    version = provenance.pop("version", 0)
    title = f"Taught model {version}" if version else "Taught model"
    _write(path, title, f"objects: {', '.join(objects)}; {made}", sections)


def write_plots(
    folder: Path,
    *,
    metrics: Mapping[str, Any],
    losses: Sequence[float],
    detections: Sequence[Example],
) -> None:
    """Write what a model report draws as PNG files: ``precision``, ``precision_recall``,
    ``losses``, and contact sheets of the ``worst`` and the ``best`` detections.

    Arguments as in `write_model_report`; what there is nothing to draw of has no file.
    """
    files.make_directory(folder)
    for picture in (*precision_plots(metrics, _PRECISIONS), *loss_plots(losses)):
        files.write_bytes(folder / f"{picture.name}.png", picture.plot.light)
    for name, chosen in (("worst", detections[:_SHEET]), ("best", detections[-_SHEET:])):
        if chosen:
            drawn = [drawing.draw_detections(image, found) for _, image, found in chosen]
            sheet = drawing.contact_sheet(drawn, _SHEET // 2, tile_width=_EXAMPLE_WIDTH)
            files.write_image(folder / f"{name}.png", sheet)


def write_demo_report(
    path: Path,
    library: Library,
    *,
    objects: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    evaluation: Mapping[str, Any],
    detections: Iterable[Example],
    facts: Mapping[str, Any],
) -> None:
    """Write what the demo did: its table, the masks it made and the detections it received.

    :param objects: one row of figures for each object, the row for all last.
    :param columns: the figures' keys in ``objects`` with the words that head their columns.
    :param evaluation: ``AP``, ``AP50``, ``AP75`` and ``per_label`` over the test scenes.
    :param detections: test scenes with the detections that came over the topics.
    :param facts: what else there is to say, by name.
    """
    rows = [[display(row.get(key)) for key in columns] for row in objects]
    sections: list[Section] = [
        Table("Taught without a drawn mask", list(columns.values()), rows, last_row_sums_up=True),
        Plots("Precision on the test scenes", precision_plots(evaluation, _PRECISIONS)),
        _example_gallery("Detections on the test scenes, as they came over the topics", detections),
        *mask_sections(library, library.labels()),
        Facts("How it was run", facts),
    ]
    now = datetime.now(timezone.utc)
    subtitle = f"objects: {', '.join(library.labels())}; {now:%Y-%m-%d %H:%M} UTC"
    _write(path, "automask_ros demo", subtitle, sections)


def _summary(
    library: Library, classes: Mapping[str, Sequence[str]], evaluation: Mapping[str, Any]
) -> Table:
    """A row for each class, whose views are those of the objects that it stands for."""
    per_label = evaluation.get("per_label") or {}
    rows: list[list[Any]] = []
    for label, objects in classes.items():
        views = [view for each in objects for view in library.views(each)]
        accepted = sum(view.trainable for view in views)
        precisions = known_precisions(per_label.get(label, {}), _PRECISIONS)
        rows.append([label, len(views), accepted, *map(precisions.get, _PRECISIONS)])
    sums = [sum(row[column] for row in rows) for column in (1, 2)]
    precisions = known_precisions(evaluation, _PRECISIONS)
    rows.append(["all", *sums, *map(precisions.get, _PRECISIONS)])
    return Table(
        "Summary",
        ["object", "views", "masks used", *_PRECISIONS],
        [[display(value) for value in row] for row in rows],
        last_row_sums_up=True,
    )


def _worst_and_best(examples: list[Example]) -> list[Example]:
    """Of examples from the worst to the best, more of the worst, which teach more."""
    if len(examples) <= _EXAMPLES:
        return examples
    best = _EXAMPLES // 3
    return examples[: _EXAMPLES - best] + examples[-best:]


def _example_gallery(title: str, examples: Iterable[Example] | None) -> Gallery:
    pictures = []
    examples = list(examples or ())
    shown = spread(examples, _EXAMPLES)
    for name, image, found in shown:
        drawn = thumbnail(drawing.draw_detections(image, found), _EXAMPLE_WIDTH)
        words = [
            f"{label} {score:.2f}" for label, score in zip(found.labels, found.scores, strict=True)
        ]
        pictures.append(Picture(photograph(drawn), name, remark=", ".join(words)))
    some = f"{len(shown)} of {len(examples)} images, evenly spread"
    note = some if len(shown) < len(examples) else ""
    return Gallery(title, pictures, note, empty="No image was looked at.", size="wide")


def _write(path: Path, title: str, subtitle: str, sections: Sequence[Section]) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html")
    html = template.render(title=title, subtitle=subtitle, sections=sections)
    files.write_bytes(path, html.encode())
