"""Things and places that ship: all of them are named, whole, and pasted as what is not taught."""

import csv

import numpy as np
import pytest
from detection.drawn_views import SMALL

from automask_ros.detection.composites import CompositeConfig, CompositeDataset
from automask_ros.detection.cutouts import Cutout
from automask_ros.detection.foreign import (
    TILE,
    foreign_places,
    foreign_thing,
    foreign_things,
)
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.resources import weights_path


def rows(name: str) -> list[dict[str, str]]:
    with weights_path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_thing_is_named_and_its_author_credited() -> None:
    named = rows("things.csv")
    things = foreign_things()
    assert len(things) == len(named) > 400
    credited = {row["model"] for row in rows("credits.csv")}
    ours = ("crafted/", "procedural/")
    assert {row["thing"] for row in named if not row["thing"].startswith(ours)} <= credited
    for thing in things:
        assert thing.class_id is None
        assert thing.image.shape == (*thing.alpha.shape, 3)
        assert TILE * 0.9 <= thing.longest_side <= TILE
        assert (thing.alpha > 127).sum() > 60


def test_places_are_pictures_that_differ() -> None:
    places = foreign_places()
    assert len(places) > 50
    assert all(place.shape == (320, 416, 3) for place in places)
    small = [place[::16, ::16].tobytes() for place in places]
    assert len(set(small)) == len(small)


def test_a_thing_is_as_large_as_the_object_and_at_times_of_its_colours() -> None:
    blue = np.full((60, 40, 3), (200, 60, 20), np.uint8)
    wanted = Cutout(blue, np.full((60, 40), 255, np.uint8), 1)
    rng = np.random.default_rng(0)
    sides, near = [], 0
    for _ in range(100):
        thing = foreign_thing(rng, wanted)
        assert thing.class_id is None
        sides.append(thing.longest_side)
        seen = thing.image[thing.alpha > 127].astype(float)
        near += bool(len(seen)) and float(np.abs(seen.mean(0) - blue[0, 0]).max()) < 40
    assert 50 < np.median(sides) < 72
    assert 20 < near < 60


def test_they_are_in_composites_and_not_taught(library: Library) -> None:
    """The same composites with and without them: what is annotated is only what was taught."""

    def pictures(foreign: float) -> CompositeDataset:
        return CompositeDataset(
            library,
            library.trainable_views(),
            {"box": 1, "disc": 2},
            image_size=SMALL,
            config=CompositeConfig(foreign_share=foreign, foreign_place_share=foreign),
        )

    with_them, without = pictures(1.0), pictures(0.0)
    changed = 0
    for number in range(20):
        composite = with_them[number]
        assert set(composite.class_ids.tolist()) <= {1, 2}
        changed += not np.array_equal(composite.image, without[number].image)
    assert changed > 10


def test_a_damaged_sheet_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "things.webp").write_bytes(b"RIFF")
    monkeypatch.setattr("automask_ros.detection.foreign.weights_path", lambda n: tmp_path / n)
    foreign_things.cache_clear()
    try:
        with pytest.raises(AutomaskError, match=r"things\.webp is damaged; reinstall"):
            foreign_things()
    finally:
        foreign_things.cache_clear()
