import cv2
import numpy as np
import pytest

from automask_ros.library.view_selector import ViewSelector, ViewSelectorConfig, sharpness

HEIGHT, WIDTH = 240, 320


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Soft random colours with some fine print on them."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(width * height // 400):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        cv2.circle(image, (x, y), 2, random.integers(0, 256, 3).tolist(), -1)
    return image


TABLE = cv2.GaussianBlur(texture(HEIGHT, WIDTH, 1), (0, 0), 2)
WRAP = texture(110, 720, 2)


def turntable(frame: int, of: int = 60, noise: int = 0) -> np.ndarray:
    """A printed cylinder on a table, turned by frame / of of a round; with a camera's noise."""
    image = TABLE.copy()
    across = np.arcsin(np.linspace(-0.999, 0.999, 70)) / (2 * np.pi)
    columns = ((across + frame / of) % 1.0 * WRAP.shape[1]).astype(int)
    image[70:180, 125:195] = WRAP[:, columns]
    random = np.random.default_rng(1000 * noise + frame)
    return np.clip(image + random.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


def blurred(image: np.ndarray, length: int = 15) -> np.ndarray:
    return cv2.blur(image, (length, 1))


def test_most_frames_of_a_turning_object_are_kept():
    selector = ViewSelector()
    kept = [selector.consider(turntable(frame)).keep for frame in range(60)]
    assert sum(kept) >= 50


def test_the_second_round_shows_nothing_new():
    selector = ViewSelector()
    for frame in range(60):
        selector.consider(turntable(frame))
    selections = [selector.consider(turntable(frame, noise=1)) for frame in range(60)]
    assert sum(selection.keep for selection in selections) <= 3
    assert "same view again (difference" in selections[0].reason


def test_a_camera_that_stands_still_gives_one_view():
    selector = ViewSelector()
    kept = [selector.consider(turntable(0, noise=number)).keep for number in range(20)]
    assert kept == [True] + [False] * 19


def test_blurred_frames_among_sharp_ones_are_refused():
    selector = ViewSelector()
    for frame in range(40):
        image = turntable(frame)
        smeared = frame % 5 == 3
        selection = selector.consider(blurred(image) if smeared else image)
        assert selection.keep is not smeared, (frame, selection)
        if smeared:
            assert selection.reason.startswith("too blurred (sharpness ")


def test_a_second_of_motion_blur_does_not_lower_the_bar():
    selector = ViewSelector()
    for frame in range(20):
        assert selector.consider(turntable(frame)).keep
    assert not any(selector.consider(blurred(turntable(frame))).keep for frame in range(20, 50))
    assert selector.consider(turntable(50)).keep


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_frame_without_any_content_is_refused(level):
    frame = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    selection = ViewSelector().consider(frame)
    assert not selection.keep
    assert selection.reason == "too blurred (sharpness 0 < 4)"


def test_sharpness_barely_depends_on_resolution_and_exposure():
    grey = cv2.cvtColor(turntable(0), cv2.COLOR_BGR2GRAY)
    measured = sharpness(grey)
    larger = sharpness(cv2.resize(grey, (640, 480), interpolation=cv2.INTER_CUBIC))
    darker = sharpness((grey * 0.6).astype(np.uint8))
    assert larger == pytest.approx(measured, rel=0.5)
    assert darker == pytest.approx(measured, rel=0.1)
    assert sharpness(cv2.GaussianBlur(grey, (0, 0), 2)) < 0.3 * measured


def test_brightness_alone_is_nothing_new():
    selector = ViewSelector()
    selector.consider(turntable(0))
    brighter = np.clip(turntable(0).astype(int) + 12, 0, 255).astype(np.uint8)
    assert not selector.consider(brighter).keep


def test_remembered_views_are_not_kept_again():
    selector = ViewSelector()
    selector.remember(turntable(0))
    assert not selector.consider(turntable(0, noise=1)).keep
    assert selector.consider(turntable(20)).keep


def test_the_same_frames_give_the_same_choice():
    first, second = ViewSelector(), ViewSelector()
    for frame in range(10):
        assert first.consider(turntable(frame)) == second.consider(turntable(frame))


def test_bars_can_be_set():
    selector = ViewSelector(ViewSelectorConfig(min_novelty=0.9))
    assert [selector.consider(turntable(frame)).keep for frame in range(3)] == [True, False, False]


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4000, 3), (60000, 1, 3)])
def test_odd_shapes_are_no_trouble(shape):
    assert not ViewSelector().consider(np.zeros(shape, np.uint8)).keep
