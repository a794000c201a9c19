"""Salt-and-pepper noise is removed where it is; a clean image comes back as it is."""

import numpy as np
from drawn_scenes import add_impulse_noise, cup_mask, draw_scene

from automask_ros.segmentation.denoising import find_impulses, remove_impulse_noise


def test_a_clean_image_is_not_touched() -> None:
    image = draw_scene(cup_mask(), (60, 60, 200), seed=1, noise=6.0)
    assert remove_impulse_noise(image) is image


def test_noise_is_found_and_removed() -> None:
    clean = draw_scene(cup_mask(), (60, 60, 200), seed=1, noise=1.0)
    noisy = add_impulse_noise(clean, share=0.02, seed=2)
    assert 0.01 < find_impulses(noisy).mean() < 0.02
    restored = remove_impulse_noise(noisy)
    difference = np.abs(restored.astype(int) - clean)
    assert difference.mean() < 1.5
    # The median of a patch that straddles an edge may be off there; no impulse may be left.
    assert (difference.max(axis=2) > 60).mean() < 0.0005
    assert find_impulses(restored).mean() < 0.0002


def test_pixels_far_from_impulses_keep_their_value() -> None:
    clean = draw_scene(cup_mask(), (60, 60, 200), seed=1, noise=1.0)
    noisy = add_impulse_noise(clean, share=0.02, seed=2)
    unchanged = (remove_impulse_noise(noisy) == clean).all(axis=2)
    assert unchanged.mean() > 0.75
