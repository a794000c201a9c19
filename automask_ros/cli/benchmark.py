"""automask benchmark: quality and speed, side by side with others."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automask_ros.cli import options
from automask_ros.cli.benchmark_detection import detection
from automask_ros.cli.benchmark_teaching import teaching
from automask_ros.cli.output import check_json_path, print_table, write_figures
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.cli.sheets import LEGEND, WORST, Tile, check_sheet_path, draw_tile, write_sheet
from automask_ros.library.coco import read_coco
from automask_ros.types import BGRImage, BoolMask, Verdict

if TYPE_CHECKING:
    from automask_ros.segmentation.benchmark import Masker, Measured
    from automask_ros.segmentation.mask_generator import MaskGenerator

_PATH = click.Path(path_type=Path)


@click.group()
def benchmark() -> None:
    """Measure quality and speed, side by side with others.

    \b
    Example:
      automask benchmark masks --images photos/ --annotations people.json --peer u2netp.onnx
      automask benchmark teaching --library my_objects --images test/ --annotations test.json
      automask benchmark detection sample/scenes --library my_objects
    """


benchmark.add_command(detection)
benchmark.add_command(teaching)


@benchmark.command()
@click.option("--images", required=True, type=_PATH, metavar="DIR", help="The photographs.")
@options.annotations_option
@click.option(
    "--peer", type=_PATH, metavar="ONNX", help="U2-Net or U2-Net-p, to compare with in one run."
)
@options.fcn_option
@options.refiner_option
@options.device_option
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N, evenly spread.")
@click.option(
    "--sheet",
    type=_PATH,
    metavar="PNG",
    help=f"Draw the {WORST} worst masks against what people drew. {LEGEND.capitalize()}.",
)
@options.json_option
def masks(
    images: Path,
    annotations: Path,
    peer: Path | None,
    fcn: str,
    refiner: str,
    device: str,
    limit: int | None,
    sheet: Path | None,
    json_path: Path | None,
) -> None:
    """Masks of single photographs against people's, and the time that they take.

    Each photograph is masked by itself: views of one object do not help each other here. The JSON
    is a list with a row for each network; `ratio` is its median time over the peer's.

    \b
    Example:
      automask benchmark masks --images photos/ --annotations people.json --peer u2netp.onnx
    """
    check_json_path(json_path)
    check_sheet_path(sheet)
    coco = read_coco(annotations)
    from automask_ros.segmentation.benchmark import (
        benchmark_row,
        read_photographs,
        run_benchmark,
    )

    maskers, peer_name = _maskers(fcn, refiner, device, peer)
    photographs = read_photographs(coco, images, limit)
    with ProgressDisplay() as progress:
        measured = run_benchmark(maskers, photographs, progress)
    peer_ms = None
    if peer_name is not None:
        peer_ms = benchmark_row(peer_name, measured[peer_name], None)["p50_ms"]
    rows = [benchmark_row(name, found, peer_ms) for name, found in measured.items()]
    _print(rows)
    if sheet is not None:
        _draw(sheet, measured)
    write_figures(json_path, rows)


def _maskers(
    fcn: str, refiner: str, device: str, peer: Path | None
) -> tuple[dict[str, Masker], str | None]:
    """The contestants by name, and the peer's name."""
    from automask_ros.segmentation.mask_generator import MaskGenerator
    from automask_ros.segmentation.prompting import load_refiner
    from automask_ros.segmentation.salient_peer import SalientPeer

    generator = MaskGenerator(fcn, device)
    maskers = {f"masks {fcn}": _masker(generator)}
    if refiner:
        refine = load_refiner(refiner, device)
        maskers[f"masks {fcn} refined"] = _masker(MaskGenerator(fcn, device, refiner=refine))
    if peer is None:
        return maskers, None
    network = SalientPeer(peer)
    name = f"masks {network.name}"
    maskers[name] = lambda image: (network(image), None)
    return maskers, name


def _masker(generator: MaskGenerator) -> Masker:
    def make(image: BGRImage) -> tuple[BoolMask, Verdict]:
        mask = generator(image)
        return mask.pixels, mask.verdict

    return make


def _print(rows: Sequence[dict[str, Any]]) -> None:
    labels = list(rows[0]["per_label"])
    table = []
    for row in rows:
        accepted = row["accepted"] or {"share": None, "mean_iou": None}
        table.append(
            [row["name"], row["mean_iou"], row["share_above_080"]]
            + [row["per_label"][label]["mean_iou"] for label in labels]
            + [accepted["share"], accepted["mean_iou"], row["spearman"]]
            + [f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms", "p99_ms", "cpu_ms")]
            + [row["ratio"]]
        )
    headers = [
        "",
        "IoU",
        "> 0.80",
        *labels,
        "accepted",
        "IoU",
        "Spearman",
        "p50 ms",
        "p95",
        "p99",
        "CPU",
    ]
    print_table((*headers, "ratio"), table)
    import torch

    threads = torch.get_num_threads()
    click.echo(f"{rows[0]['views']} photographs, {threads} threads, {platform.machine()}")


def _draw(path: Path, measured: dict[str, list[Measured]]) -> None:
    """The photographs on which the first network is worst: a row for each network."""
    first = next(iter(measured.values()))
    worst = sorted(range(len(first)), key=lambda place: first[place].iou)[:WORST]
    tiles: list[Tile] = []
    for name, found in measured.items():
        for place in worst:
            each = found[place]
            said = "" if each.verdict is None else f", score {each.verdict.score:.2f}"
            said += "" if each.verdict is None or each.verdict.accepted else ", refused"
            words = [f"{name}: {each.photograph.name}, IoU {each.iou:.3f}{said}"]
            photograph = each.photograph
            tiles.append(draw_tile(photograph.image, each.pixels, photograph.truth, words))
    write_sheet(path, tiles, columns=len(worst))
