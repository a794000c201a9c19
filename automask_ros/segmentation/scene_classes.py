"""The classes of a scene parsing set, and which of them are objects.

SceneParse150 (Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017) names its classes in
`objectInfo150.txt`, beside its images. Here are the names in the set's own order, for sets that
come without that file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from automask_ros.errors import AutomaskError

INFO_FILE = "objectInfo150.txt"

SCENE_PARSE_150 = tuple(
    name.strip()
    for name in """
wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person,
earth, door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea,
mirror, rug, field, armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion,
base, box, column, signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace,
refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway,
river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench, countertop, stove,
palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light,
truck, tower, chandelier, awning, streetlight, booth, television, airplane, dirt track, apparel,
pole, land, bannister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain,
conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall, tent,
bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle,
lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan,
pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass, clock, flag
""".replace("\n", " ").split(",")
)

TABLE_OBJECTS = frozenset(
    name.strip()
    for name in """
plant, lamp, box, flower, book, towel, bottle, plaything, basket, bag, ball, food, microwave, pot,
animal, sculpture, vase, tray, fan, plate, glass, clock, apparel, cushion, pillow, computer,
monitor, crt screen, barrel, ashcan, tank
""".replace("\n", " ").split(",")
)
"""What can stand or lie on a table and be taught; everything else is a surface, furniture, a
building or a landscape."""


@dataclass(frozen=True)
class SceneClasses:
    """Names of the classes 1, 2, ... of a set, and for each whether it is an object."""

    names: tuple[str, ...]
    objects: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.objects):
            raise ValueError(f"{len(self.names)} classes, {len(self.objects)} object flags")

    def number(self, name: str) -> int:
        """The value that the class has in annotations, from 1."""
        return self.names.index(name) + 1

    def extended(self, labels: Sequence[str]) -> SceneClasses:
        """The same with the `labels` that are no classes yet behind, and all labels objects."""
        names = (*self.names, *(label for label in labels if label not in self.names))
        known = dict(zip(self.names, self.objects, strict=True))
        return SceneClasses(names, tuple(name in labels or known[name] for name in names))


def choose_objects(names: Sequence[str], objects: Sequence[str] | None = None) -> SceneClasses:
    """The classes `names`, of which `objects` (TABLE_OBJECTS when None) are objects.

    AutomaskError when an object that is asked for is no class.
    """
    for name in objects or ():
        if name not in names:
            raise AutomaskError(f"--objects {name}: the data set has no such class")
    wanted = TABLE_OBJECTS if objects is None else frozenset(objects)
    return SceneClasses(tuple(names), tuple(name in wanted for name in names))


def read_names(root: Path) -> tuple[str, ...]:
    """Names of the classes of the set in `root`: those of its `objectInfo150.txt`, or else
    SceneParse150's.

    AutomaskError when that file is there but cannot be read.
    """
    path = root / INFO_FILE
    if not path.is_file():
        return SCENE_PARSE_150
    try:
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:] if line]
        # "bed " and "car, auto, automobile": the first of the synonyms, without blanks.
        names = {int(row[0]): row[-1].split(",")[0].strip() for row in rows}
    except (OSError, ValueError) as error:
        raise AutomaskError(f"cannot read {path} ({error}): take it from the data set") from error
    if not names or sorted(names) != list(range(1, len(names) + 1)):
        raise AutomaskError(f"{path} does not number its classes 1, 2, ...: take it from the set")
    return tuple(names[number] for number in sorted(names))
