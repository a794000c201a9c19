"""The reports in a real browser: on a phone, in the dark, on paper, and with no network at all."""

import re

import cv2
import numpy as np
import pytest
from browser import chromium
from library.sample_reports import LABELS, VIEWS, write_reports

from automask_ros import colours

PHONE, DESK = {"width": 360, "height": 780}, {"width": 1280, "height": 900}
REPORTS = ("masks", "model", "demo")

#: Pictures that did not load, and what stands out of the page or can be scrolled sideways.
BROKEN = """async () => {
  const broken = [];
  for (const image of document.images) {
    await image.decode().catch(() => broken.push(image.alt));
    if (!image.naturalWidth) broken.push(image.alt);
  }
  return broken;
}"""
WIDE = """() => [...document.querySelectorAll('*')]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5
    || (each.scrollWidth > each.clientWidth && getComputedStyle(each).overflowX === 'auto'))
  .map(each => each.outerHTML.slice(0, 80))"""
#: For each element with words of its own: the words, their colour, and what they stand on.
WORDS = """() => [...document.querySelectorAll('body *')]
  .filter(each => each.checkVisibility()
    && [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(each => {
    let under = each;
    while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)')
      under = under.parentElement;
    return [each.innerText.slice(0, 40), getComputedStyle(each).color,
            getComputedStyle(under).backgroundColor];
  })"""
FRAMES = """() => Object.fromEntries([...document.querySelectorAll('figure.judged')].map(
  each => {
    const frame = getComputedStyle(each.querySelector('img'));
    return [each.classList[1], [frame.borderTopStyle, frame.borderTopColor]];
  }))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    write_reports(folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, folder):
    """Opens a report; what it asks for and complains of is noted in `asked` and `complaints`."""
    contexts = []

    def open_report(name, size=DESK, scheme="light"):
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()


def channels(colour):
    return [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]


def luminance(colour):
    """Relative luminance, as WCAG 2 defines it."""
    share = np.array(channels(colour)) / 255
    share = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(share @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def screenshot(page):
    encoded = np.frombuffer(page.screenshot(), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_one_file_that_fits_its_screen(name, size, opened, folder):
    page = opened(name, size)
    assert page.evaluate(BROKEN) == []
    pictures = page.evaluate("document.querySelectorAll('figure.judged img').length")
    assert pictures == VIEWS * len(LABELS)
    assert page.evaluate(WIDE) == [], "to be read without scrolling sideways"
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    own = (folder / f"{name}.html").as_uri()
    assert own in page.asked
    assert [url[:80] for url in page.asked if url != own and not url.startswith("data:")] == []
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_words_can_be_read_by_day_and_by_night(name, scheme, opened):
    page = opened(name, scheme=scheme)
    words = page.evaluate(WORDS)
    assert len(words) > 50
    faint = [(text, ink, on) for text, ink, on in words if contrast(ink, on) < 4.5]
    assert faint == [], "WCAG 2 AA asks for 4.5"
    corner = screenshot(page)[:8, :8].mean()
    assert (corner < 40) if scheme == "dark" else (corner > 220)


def test_plots_follow_the_page_into_the_dark(opened):
    pictures = "[...document.querySelectorAll('picture img')].map(each => each.currentSrc)"
    light, dark = (
        opened("model", scheme=scheme).evaluate(pictures) for scheme in ("light", "dark")
    )
    assert len(light) == 3 and not set(light) & set(dark)


def test_each_outcome_has_a_frame_of_its_own(opened):
    frames = opened("masks").evaluate(FRAMES)
    assert {tone: style for tone, (style, _) in frames.items()} == {
        "accepted": "solid",
        "refused": "dashed",
        "drawn": "double",
        "vetoed": "dotted",
        "waiting": "none",
    }
    for tone, colour in (("accepted", colours.ACCEPTED), ("refused", colours.REFUSED)):
        assert channels(frames[tone][1]) == list(colour[::-1])


def test_a_button_shows_one_outcome_and_a_tap_enlarges(opened):
    page = opened("masks", PHONE)
    page.get_by_text("✗ refused (3)").click()
    shown = page.locator("figure.judged:visible")
    assert shown.count() == 3 and shown.locator(".reason").count() == 6
    small = shown.first.bounding_box()["width"]
    shown.first.click()
    assert shown.first.bounding_box()["width"] > 1.8 * small


@pytest.mark.parametrize("name", REPORTS)
def test_on_paper_all_pictures_are_there_on_white(name, opened):
    page = opened(name, scheme="dark")
    page.emulate_media(media="print")
    assert (screenshot(page)[:8, :8] == 255).all(), "a dark page is printed light"
    assert [text for text, ink, on in page.evaluate(WORDS) if contrast(ink, on) < 4.5] == []
    assert not page.locator(".filter").is_visible(), "paper has no buttons"
    different = len(set(page.evaluate("[...document.images].map(each => each.currentSrc)")))
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Subtype\s*/Image", paper)) >= different
