"""Reports: one file, every picture inside it, nothing from outside, nothing unescaped."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from automask_ros import colours
from automask_ros.errors import AutomaskError
from automask_ros.library import report
from automask_ros.library.library import Library
from automask_ros.library.records import ModelRecord
from automask_ros.library.report_sections import display, loss_plots, spread, thumbnail
from automask_ros.types import Detections, Mask, PlacedMask, Verdict

HOSTILE = "<script>alert('x')</script> & \"quotes\""
EVALUATION = {
    "AP": 0.512,
    "AP50": 0.875,
    "AP75": 0.25,
    "per_label": {
        "cup": {"AP": 0.624, "AP50": 1.0, "AP75": 0.5},
        "bottle": {"AP": -1.0, "AP50": -1.0, "AP75": -1.0},
    },
}
#: (columns, rows) of the square that every mask of these tests is.
SQUARE = (slice(20, 60), slice(30, 70))


class Page(HTMLParser):
    """What a browser would take from the page: elements, their attributes, and the text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text, self.captions, self.rows = [], "", [], []
        self._in, self.source = [], path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "source", "input"):
            self._in.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self._in.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" not in self._in:
            self.text += data
        if self._in[-1:] and self._in[-1] in ("th", "td"):
            self.rows[-1].append(data)

    def images(self):
        """Every picture, decoded, by its description."""
        found = {}
        for tag, attributes in self.elements:
            address = attributes.get("src") or attributes.get("srcset")
            if tag in ("img", "source"):
                kind, data = re.fullmatch(r"data:(image/\w+);base64,(.*)", address).groups()
                pixels = cv2.imdecode(
                    np.frombuffer(base64.b64decode(data, validate=True), np.uint8),
                    cv2.IMREAD_COLOR,
                )
                assert pixels is not None and kind in ("image/png", "image/jpeg")
                found.setdefault(attributes.get("alt", tag), []).append(pixels)
        return found


def taught(root):
    """Two objects: three accepted cups and a vetoed one, one refused and one unmasked bottle."""
    library = Library(root, create=True)
    image = np.full((96, 128, 3), 120, np.uint8)
    pixels = np.zeros((96, 128), bool)
    pixels[SQUARE] = True
    for index in range(4):
        view = library.add_view(
            "cup", image, captured_at=float(index), source="test", view_id=f"cup{index}"
        )
        library.write_mask(view, Mask(pixels, Verdict(True, 0.75)), fcn="lite")
    library.set_vetoed(view, True)
    view = library.add_view("bottle", image, captured_at=9.0, source="test", view_id="bottle0")
    library.write_mask(view, Mask(pixels, Verdict(False, 0.125, (HOSTILE, "blurred"))), fcn="lite")
    library.add_view("bottle", image, captured_at=10.0, source="test", view_id="bottle1")
    return library


def example():
    found = Detections(
        boxes=np.array([[30, 20, 70, 60]], np.float32),
        scores=np.array([0.9375], np.float32),
        class_ids=np.array([1], np.int32),
        labels=("cup",),
        masks=(PlacedMask(20, 30, np.ones((40, 40), bool)),),
        image_size=(96, 128),
    )
    return ("scene_7", np.full((96, 128, 3), 120, np.uint8), found)


def model_record():
    return ModelRecord(
        version=0,
        architecture=HOSTILE,
        labels={"bottle": 2, "cup": 1},
        base_model="lite",
        image_size=320,
        thresholds={"bottle": 0.5, "cup": 0.4},
        seed=7,
        created_at=1.0,
    )


@pytest.fixture
def model_page(tmp_path):
    path = tmp_path / "report.html"
    report.write_model_report(
        taught(tmp_path / "library"),
        path,
        record=model_record(),
        metrics={"evaluation": EVALUATION},
        losses=[{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
        composites=[np.full((60, 80, 3), 50, np.uint8)] * 3,
        detections=[example()],
    )
    return Page(path)


@pytest.fixture
def demo_page(tmp_path):
    path = tmp_path / "report.html"
    report.write_demo_report(
        path,
        taught(tmp_path / "library"),
        objects=[
            {"label": "cup", "views": 4, "AP": 0.624, "seconds": 61.26},
            {"label": "all", "views": 6, "AP": 0.512, "seconds": None},
        ],
        columns={"label": "object", "views": "views kept", "AP": "AP", "seconds": "seconds"},
        evaluation=EVALUATION,
        detections=[example()],
        facts={"frames_without_an_answer": 2, "hostile": HOSTILE},
    )
    return Page(path)


@pytest.mark.parametrize("page", ["model_page", "demo_page"])
def test_a_report_needs_nothing_from_outside(page, request):
    page = request.getfixturevalue(page)
    assert "://" not in page.source, "an address outside the file"
    assert not {"script", "link", "iframe", "a"} & {tag for tag, _ in page.elements}
    assert "url(" not in page.source and "@import" not in page.source
    assert page.images(), "no picture at all"


@pytest.mark.parametrize("page", ["model_page", "demo_page"])
def test_words_from_outside_stay_words(page, request):
    page = request.getfixturevalue(page)
    assert "<script" not in page.source
    assert HOSTILE in page.text


@pytest.mark.parametrize("page", ["model_page", "demo_page"])
def test_a_report_suits_a_phone_and_a_dark_page(page, request):
    page = request.getfixturevalue(page)
    metas = [attributes for tag, attributes in page.elements if tag == "meta"]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in metas
    assert "prefers-color-scheme: dark" in page.source


def test_the_model_report_counts_and_measures(model_page):
    assert model_page.rows[:4] == [
        ["object", "views", "masks used", "AP", "AP50", "AP75"],
        ["cup", "4", "3", "0.624", "1.000", "0.500"],
        ["bottle", "2", "0", "–", "–", "–"],
        ["all", "6", "3", "0.512", "0.875", "0.250"],
    ]
    assert "3 of 4 views are used for training" in model_page.text
    assert "bottle: 0.500, cup: 0.400" in model_page.text
    assert "1970-01-01 00:00 UTC" in model_page.text


def test_masks_are_shown_by_what_was_decided_about_them(model_page):
    text = " ".join(model_page.text.split())
    cups = text[text.index("Masks of cup") : text.index("Masks of bottle")]
    bottles = text[text.index("Masks of bottle") : text.index("What the network saw")]
    assert "bottle: bottle0 ✗ refused 0.12" in bottles and "blurred" in bottles
    assert "bottle: bottle1 … no mask yet" in bottles
    assert "cup: cup3 ⊘ vetoed 0.75" in cups and "cup: cup0 ✓ accepted 0.75" in cups
    assert (
        "1 refused, each for one reason or more: <script>" in bottles and "blurred (1)" in bottles
    )
    images = model_page.images()
    lines = {
        "cup: cup0": (colours.ACCEPTED, colours.WHITE),
        "cup: cup3": (colours.WHITE, colours.BLACK),
        "bottle: bottle0": (colours.REFUSED, colours.BLACK),
    }
    for name, (line, beside) in lines.items():
        (picture,) = images[name]
        assert picture.shape == (96, 128, 3)
        shown = picture[40, 50].astype(int)
        assert np.abs(shown - 120).max() < 6, "JPEG may change a colour by a little"
        assert picture[10, 10].max() < 90, "what lies around a mask is dimmed"
        edge = picture[20:60, 30].astype(int)
        like_the_line = (np.abs(edge - line).max(axis=1) < 60).mean()
        assert like_the_line > (0.3 if beside == colours.BLACK != line else 0.9), name
        assert np.abs(picture[25:55, 29].astype(int) - beside).max() < 60, name
    tones = {a["class"] for tag, a in model_page.elements if tag == "figure" and "class" in a}
    assert tones == {f"judged {tone}" for tone in ("accepted", "refused", "vetoed", "waiting")}


def test_the_masks_report_shows_every_mask_the_worst_first(tmp_path):
    library = Library(tmp_path / "library", create=True)
    random = np.random.default_rng(0)
    pixels = np.zeros((240, 320), bool)
    pixels[60:180, 100:200] = True
    for index in range(40):
        image = cv2.resize(random.integers(0, 256, (60, 80, 3), np.uint8), (320, 240))
        view = library.add_view(
            "cup", image, captured_at=float(index), source="test", view_id=f"cup{index}"
        )
        score = (index * 7 % 40) / 40
        library.write_mask(view, Mask(pixels, Verdict(score > 0.5, score)), fcn="lite")
    cv2.imwrite(str(library.mask_path("cup", "cup9")), pixels[:50].astype(np.uint8) * 255)
    cv2.imwrite(
        str(library.mask_path("cup", "cup8")), np.roll(pixels, 20, axis=1).astype(np.uint8) * 255
    )
    library.image_path("cup", "cup7").write_bytes(b"")
    path = tmp_path / "masks.html"
    report.write_masks_report(library, path)
    assert path.stat().st_size < 2e6
    page = Page(path)
    assert page.rows[1] == ["cup", "40", "18", "21", "1", "0", "0"]
    assert len(page.images()) == 40
    shown = re.findall(r"[✗✓✎] (?:refused|accepted|drawn) (\d\.\d\d)", page.text)
    assert len(shown) == 40 and shown == sorted(shown)
    assert "cup: cup8 ✎ drawn 1.00 drawn by a person" in " ".join(
        re.sub("([✎])", r" \1", page.text).replace("1.00", "1.00 ").split()
    )
    assert "the mask cup9.png was repainted at 320x50, but its view is 320x240" in page.text
    assert "cup7.png is empty; replace or remove it" in page.text
    assert str(tmp_path) not in page.text, "folders below a picture are nothing but lines"
    assert {a["id"] for tag, a in page.elements if tag == "input"} == {
        "show-all",
        "show-refused",
        "show-accepted",
        "show-drawn",
    }


def test_the_masks_report_names_an_object_that_is_not_there(tmp_path):
    library = taught(tmp_path / "library")
    with pytest.raises(AutomaskError, match="has no object 'mug'; add views first"):
        report.write_masks_report(library, tmp_path / "masks.html", ["mug"])
    report.write_masks_report(library, tmp_path / "masks.html", ["bottle"])
    assert "cup" not in Page(tmp_path / "masks.html").text


def test_plots_composites_and_detections_are_there(model_page):
    images = model_page.images()
    assert images["average precision of each object"][0].std() > 10
    assert images["loss during training"][0].std() > 10
    assert len(images["source"]) == 2, "each plot also comes for a dark page"
    assert images["source"][0].mean() < 90 < images["loss during training"][0].mean()
    assert images["training images, composed automatically"][0].shape == (233, 916, 3)
    assert images["scene_7"][0].shape == (96, 128, 3)
    assert "cup 0.94" in model_page.text


def test_a_model_without_figures_still_gets_a_report(tmp_path):
    path = tmp_path / "report.html"
    library = taught(tmp_path / "library")
    report.write_model_report(library, path, record=model_record(), metrics={})
    page = Page(path)
    assert page.rows[3] == ["all", "6", "3", "–", "–", "–"]
    assert "average precision of each object" not in page.images()
    assert "No image was looked at." in page.text


def test_the_demo_report_shows_its_table_and_its_facts(demo_page):
    assert demo_page.rows[:3] == [
        ["object", "views kept", "AP", "seconds"],
        ["cup", "4", "0.624", "61.3"],
        ["all", "6", "0.512", "–"],
    ]
    assert "frames without an answer" in demo_page.text
    assert "scene_7" in demo_page.images()


def test_a_loss_may_be_a_number_or_a_row_of_numbers():
    assert len(loss_plots([3.0, 2.0, 1.0])) == 1
    assert len(loss_plots([{"step": 10, "loss": 2.0}, {"step": 20, "loss": float("nan")}])) == 0
    assert loss_plots([]) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.98765, "0.988"),
        (123.456, "123.5"),
        (True, "yes"),
        (12, "12"),
        ({"a": 1, "b": [0.5, "c"]}, "a: 1, b: 0.500, c"),
        ([], "–"),
    ],
)
def test_values_become_words(value, words):
    assert display(value) == words


def test_spread_keeps_order_and_reaches_over_all():
    assert spread(range(3), 5) == [0, 1, 2]
    assert spread(range(100), 4) == [0, 25, 50, 75]


def test_thumbnails_shrink_and_never_grow():
    assert thumbnail(np.zeros((30, 40, 3), np.uint8), 100).shape == (30, 40, 3)
    small = thumbnail(np.ones((300, 400), bool), 100)
    assert small.shape == (75, 100) and small.dtype == bool and small.all()
