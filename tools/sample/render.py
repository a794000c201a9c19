"""Renders the sample's frames with Cycles on the CPU; goes on where an earlier run stopped.

    python tools/sample/render.py --out FRAMES [--sequence scenes] [--only 0 17 40]

FRAMES/<sequence>/<index>.exr (linear light, half floats), .png (instance index of each pixel),
.json (instances).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bpy  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import plans  # noqa: E402
import props  # noqa: E402
import stage  # noqa: E402
from camera import FOCAL, HEIGHT, WIDTH, project  # noqa: E402
from ground_truth import silhouette_area  # noqa: E402
from materials import index_material  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402
from objects import BUILDERS  # noqa: E402
from poses import CameraPose, Placement, camera_to_world, resting_matrix, view_angles  # noqa: E402

SENSOR_MM = 36.0


class Set:
    """One furnished stage with its objects, ready to render frames."""

    def __init__(
        self, plan: plans.StagePlan, labels: list[str], samples: int, threads: int
    ) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        rng = np.random.default_rng(plan.seed)
        self.scene = bpy.context.scene
        _configure(self.scene, samples, threads)
        stage.build_table(plan.table, rng)
        stage.build_room(rng)
        stage.build_light(plan.light, rng)
        for placement in plan.props:
            thing = getattr(props, placement.kind)(rng)
            thing.matrix_world = Matrix(resting_matrix(placement, np.zeros((1, 3))))
        self.objects = [BUILDERS[label]() for label in labels]
        for number, thing in enumerate(self.objects):
            thing.pass_index = number + 1
        self.vertices = [_vertices(thing) for thing in self.objects]
        self.triangles = [_triangles(thing) for thing in self.objects]
        data = bpy.data.cameras.new("camera")
        data.sensor_width, data.lens = SENSOR_MM, FOCAL * SENSOR_MM / WIDTH
        data.clip_start = 0.02
        data.dof.use_dof = True
        self.camera = bpy.data.objects.new("camera", data)
        self.scene.collection.objects.link(self.camera)
        self.scene.camera = self.camera
        self.index = index_material()
        self.placements: tuple[Placement, ...] = ()
        self.matrices: list[np.ndarray] = []

    def place(self, placements: tuple[Placement, ...]) -> None:
        self.placements = placements
        self.matrices = [
            resting_matrix(p, v) for p, v in zip(placements, self.vertices, strict=True)
        ]
        for thing, matrix in zip(self.objects, self.matrices, strict=True):
            thing.matrix_world = Matrix(matrix)
        bpy.context.view_layer.update()

    def aim(self, pose: CameraPose) -> None:
        blender_axes = np.diag([1.0, -1.0, -1.0, 1.0])
        self.camera.matrix_world = Matrix(camera_to_world(pose) @ blender_axes)
        self.camera.data.dof.focus_distance = pose.focus
        self.camera.data.dof.aperture_fstop = pose.fstop

    def visible_shares(self, pose: CameraPose) -> list[float]:
        """Per object the share of 120 points that no other hides, 0 where it leaves the image."""
        graph = bpy.context.evaluated_depsgraph_get()
        shares = []
        for thing, vertices, matrix in zip(self.objects, self.vertices, self.matrices, strict=True):
            world = vertices @ matrix[:3, :3].T + matrix[:3, 3]
            pixels, depth = project(world, camera_to_world(pose))
            inside = (pixels > 4).all(1) & (pixels < (WIDTH - 5, HEIGHT - 5)).all(1) & (depth > 0.1)
            if not inside.all():
                shares.append(0.0)
                continue
            free = [
                self._reaches(graph, pose, p, thing) for p in world[:: max(1, len(world) // 120)]
            ]
            shares.append(float(np.mean(free)))
        return shares

    def _reaches(self, graph, pose: CameraPose, point: np.ndarray, thing: bpy.types.Object) -> bool:  # type: ignore[no-untyped-def]
        origin = Vector(pose.position)
        ray = Vector(point) - origin
        hit, _, _, _, what, _ = self.scene.ray_cast(
            graph, origin, ray.normalized(), distance=ray.length - 1e-4
        )
        return not hit or what.original == thing

    def picture(self, path: Path) -> None:
        """Linear light to `path` (.exr)."""
        _render(self.scene, path)

    def index_map(self, scratch: Path) -> np.ndarray:
        """(H, W) uint8: index of the object at each pixel's centre, 0 for everything else."""
        scene, layer = self.scene, bpy.context.view_layer
        kept = (scene.cycles.samples, scene.cycles.filter_width, scene.cycles.max_bounces)
        scene.cycles.samples, scene.cycles.filter_width, scene.cycles.max_bounces = 1, 0.01, 0
        scene.cycles.use_denoising = self.camera.data.dof.use_dof = False
        scene.render.film_transparent = True
        layer.material_override = self.index
        _render(scene, scratch)
        layer.material_override = None
        scene.render.film_transparent = False
        scene.cycles.use_denoising = self.camera.data.dof.use_dof = True
        scene.cycles.samples, scene.cycles.filter_width, scene.cycles.max_bounces = kept
        pixels = cv2.imread(str(scratch), cv2.IMREAD_UNCHANGED).astype(np.float32)
        scratch.unlink()
        value = pixels[..., 2] * 64
        whole = np.round(value)
        if np.abs(value - whole).max() > 0.05:
            raise RuntimeError("the index render mixed two objects in a pixel")
        return whole.astype(np.uint8)

    def instances(self, pose: CameraPose) -> list[dict[str, object]]:
        world_from_camera = camera_to_world(pose)
        result: list[dict[str, object]] = []
        for number, placement in enumerate(self.placements):
            vertices, matrix = self.vertices[number], self.matrices[number]
            pixels, _ = project(vertices @ matrix[:3, :3].T + matrix[:3, 3], world_from_camera)
            middle = np.array([0, 0, vertices[:, 2].max() / 2])
            result.append(
                {
                    "index": number + 1,
                    "label": placement.kind,
                    "pose": placement.pose,
                    "view": view_angles(matrix, world_from_camera, middle),
                    "silhouette": silhouette_area(pixels, self.triangles[number]),
                }
            )
        return result


def _configure(scene: bpy.types.Scene, samples: int, threads: int) -> None:
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.threads_mode, render.threads = "FIXED", threads
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "16"
    render.image_settings.exr_codec = "ZIP"
    render.use_persistent_data = True
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_prefilter = "FAST"
    cycles.denoising_quality = "BALANCED"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 1, 3
    cycles.transmission_bounces = 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    cycles.seed = plans.SEED % 10000


def _render(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _vertices(thing: bpy.types.Object) -> np.ndarray:
    flat = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(float)


def _triangles(thing: bpy.types.Object) -> np.ndarray:
    thing.data.calc_loop_triangles()
    flat = np.empty(len(thing.data.loop_triangles) * 3, np.int32)
    thing.data.loop_triangles.foreach_get("vertices", flat)
    return flat.reshape(-1, 3)


def choose_camera(view_set: Set, group: int, view: int) -> CameraPose:
    """The first candidate that sees enough of every object; a third may have one well hidden."""
    least = 0.22 if (group + view) % 3 == 0 else 0.42
    best, best_share = plans.scene_camera(group, view, 0), -1.0
    for attempt in range(60):
        pose = plans.scene_camera(group, view, attempt)
        share = min(view_set.visible_shares(pose))
        if share >= least:
            return pose
        if share > best_share:
            best, best_share = pose, share
    return best


def frame_plan(sequence: str, index: int, view_set: Set) -> CameraPose:
    """Puts the objects of this frame in place and gives its camera."""
    if sequence == "scenes":
        group, view = divmod(index, plans.VIEWS)
        view_set.place(plans.scene_stage(group)[1])
        return choose_camera(view_set, group, view)
    plan = plans.teaching_frame(sequence.removeprefix("teach_"), index)
    view_set.place(plan.objects)
    return plan.camera


def build_set(sequence: str, index: int, samples: int, threads: int) -> Set:
    if sequence == "scenes":
        stage_plan, placements = plans.scene_stage(index // plans.VIEWS)
        return Set(stage_plan, [p.kind for p in placements], samples, threads)
    label = sequence.removeprefix("teach_")
    return Set(plans.teaching_stage(label), [label], samples, threads)


def render_sequence(
    sequence: str, indices: list[int], out: Path, samples: int, threads: int
) -> None:
    folder = out / sequence
    folder.mkdir(parents=True, exist_ok=True)
    built: tuple[object, Set] | None = None
    for index in indices:
        if (folder / f"{index:04d}.json").exists():
            continue
        start, worked = time.monotonic(), time.process_time()
        key = index // plans.VIEWS if sequence == "scenes" else sequence
        if built is None or built[0] != key:
            built = (key, build_set(sequence, index, samples, threads))
        view_set = built[1]
        pose = frame_plan(sequence, index, view_set)
        view_set.aim(pose)
        ready = time.monotonic()
        view_set.picture(folder / f"{index:04d}.exr")
        seen = time.monotonic()
        index_map = view_set.index_map(folder / f"{index:04d}.index.exr")
        cv2.imwrite(str(folder / f"{index:04d}.png"), index_map)
        (folder / f"{index:04d}.json").write_text(json.dumps(view_set.instances(pose)))
        times = (ready - start, seen - ready, time.monotonic() - seen, time.process_time() - worked)
        sys.stderr.write(f"{sequence} {index}: " + " + ".join(f"{t:.1f}" for t in times) + " s\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sequence", choices=plans.SEQUENCES, action="append")
    parser.add_argument("--only", type=int, nargs="+", help="these frames only")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    for sequence in given.sequence or plans.SEQUENCES:
        count = plans.GROUPS * plans.VIEWS if sequence == "scenes" else plans.TEACH_FRAMES
        render_sequence(
            sequence, given.only or list(range(count)), given.out, given.samples, given.threads
        )


if __name__ == "__main__":
    main()
