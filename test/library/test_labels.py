import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.labels import check_label, check_view_id, view_id_from_name

HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "/etc",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "mug\n",
    " mug",
    "mügg",
    "-a",
]


@pytest.mark.parametrize("label", ["mug", "0", "blue_mug-2", "a" * 64])
def test_good_labels_come_back(label):
    assert check_label(label) == label


@pytest.mark.parametrize("label", [*HOSTILE, "Mug", "a.b", "a" * 65, "_a", None, 7, "a" * 10**6])
def test_hostile_labels_are_refused_in_one_short_line(label):
    with pytest.raises(AutomaskError) as caught:
        check_label(label)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("view_id", ["IMG_2031", "a.b-c", "7", "a" * 128])
def test_good_view_ids_come_back(view_id):
    assert check_view_id(view_id) == view_id


@pytest.mark.parametrize("view_id", [*HOSTILE, "a..b", ".hidden", "a" * 129, None])
def test_hostile_view_ids_are_refused(view_id):
    with pytest.raises(AutomaskError):
        check_view_id(view_id)


@pytest.mark.parametrize(
    ("name", "view_id"),
    [
        ("coin_353", "coin_353"),
        ("IMG 20 (1)", "IMG_20__1_"),
        ("../../etc/passwd", "v______etc_passwd"),
        ("ütf", "v_tf"),
        ("", "v"),
        ("a" * 300, "a" * 128),
    ],
)
def test_any_file_name_becomes_a_safe_view_id(name, view_id):
    assert view_id_from_name(name) == view_id
    assert check_view_id(view_id) == view_id
