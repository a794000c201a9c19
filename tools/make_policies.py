"""Writes config/sros2/policies.xml: what each node may publish, subscribe to and answer, no more.

    python tools/make_policies.py [--namespace NS] [--image TOPIC] [--depth TOPIC] > policies.xml

The tables below are what docs/interfaces.md says; a test compares them with the running nodes. Each
node has an enclave of its own. Who teaches has the enclave `operator`: it may call the services and
hear what the nodes publish. The topics are those of the launch files' defaults unless others are
given.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
from dataclasses import dataclass
from xml.etree import ElementTree

SCHEMA = "0.2.0"
ENCLAVES = "/automask"
PARAMETERS = (
    "~/describe_parameters",
    "~/get_parameter_types",
    "~/get_parameters",
    "~/get_type_description",
    "~/list_parameters",
    "~/set_parameters",
    "~/set_parameters_atomically",
)
LIFECYCLE = (
    "~/change_state",
    "~/get_available_states",
    "~/get_available_transitions",
    "~/get_state",
    "~/get_transition_graph",
)
#: What every node publishes; the operator does too, but for the diagnostics.
EVERYBODY = ("/parameter_events", "/rosout")


@dataclass(frozen=True)
class Node:
    """A node's names: `~/` stands for its own, `@` begins what is remapped."""

    publishes: tuple[str, ...]
    subscribes: tuple[str, ...]
    answers: tuple[str, ...]
    asks: tuple[str, ...] = ()


NODES = {
    "capture": Node(
        publishes=("/diagnostics", "~/progress", "~/view"),
        subscribes=("@image", "@image/compressed", "@image_info"),
        answers=("~/start", "~/stop", "~/undo"),
    ),
    "mask_generator": Node(
        publishes=("/diagnostics", "~/mask", "~/overlay", "~/progress"),
        subscribes=("capture/view",),
        answers=("~/regenerate", "~/veto_last"),
    ),
    "trainer": Node(
        publishes=("/diagnostics", "~/model", "~/progress"),
        subscribes=(),
        answers=("~/cancel", "~/rollback", "~/train"),
    ),
    "detector": Node(
        publishes=(
            "/diagnostics",
            "~/detections",
            "~/detections_3d",
            "~/instances",
            "~/label_info",
            "~/overlay",
            "~/points",
            "~/transition_event",
            "~/vision_info",
        ),
        subscribes=("@image", "@image/compressed", "@depth", "@depth_info", "trainer/model"),
        answers=LIFECYCLE,
    ),
    "teach": Node(
        publishes=("/diagnostics", "~/guidance", "~/preview"),
        subscribes=(
            *("@image", "@image/compressed", "capture/progress", "detector/vision_info"),
            *("mask_generator/overlay", "mask_generator/progress", "trainer/progress"),
        ),
        answers=(),
        asks=("trainer/train",),
    ),
}


def granted(name: str, namespace: str, image: str, depth: str) -> dict[str, list[str]]:
    """What a node, or `operator`, may do, by the rule's two words; names are absolute."""
    remapped = {
        "@image": image,
        "@image/compressed": f"{image}/compressed",
        "@image_info": posixpath.join(posixpath.dirname(image), "camera_info"),
        "@depth": depth,
        "@depth_info": posixpath.join(posixpath.dirname(depth), "camera_info"),
    }

    def absolute(node: str, names: tuple[str, ...]) -> set[str]:
        own = posixpath.join(namespace, node)
        full = (remapped.get(each, each.replace("~", own, 1)) for each in names)
        return {posixpath.join(namespace, each) for each in full}

    rights: dict[str, set[str]] = {}
    if name == "operator":
        heard = [absolute(each, (*node.publishes, *EVERYBODY)) for each, node in NODES.items()]
        called = [absolute(each, (*node.answers, *PARAMETERS)) for each, node in NODES.items()]
        rights["topics publish"] = set(EVERYBODY)
        rights["topics subscribe"] = set().union(*heard)
        rights["services request"] = set().union(*called)
    else:
        node = NODES[name]
        rights["topics publish"] = absolute(name, (*node.publishes, *EVERYBODY))
        rights["topics subscribe"] = absolute(name, node.subscribes)
        rights["services reply"] = absolute(name, (*node.answers, *PARAMETERS))
        rights["services request"] = absolute(name, node.asks)
    return {rule: sorted(names) for rule, names in rights.items() if names}


def policies(namespace: str, image: str, depth: str) -> str:
    """The policy file, as XML of SROS2's schema."""
    root = ElementTree.Element("policy", version=SCHEMA)
    enclaves = ElementTree.SubElement(root, "enclaves")
    for name in (*NODES, "operator"):
        enclave = ElementTree.SubElement(enclaves, "enclave", path=f"{ENCLAVES}/{name}")
        profiles = ElementTree.SubElement(enclave, "profiles")
        profile = ElementTree.SubElement(profiles, "profile", ns=namespace, node=name)
        for rule, names in granted(name, namespace, image, depth).items():
            kind, verb = rule.split()
            expressions = ElementTree.SubElement(profile, kind, {verb: "ALLOW"})
            for each in names:
                ElementTree.SubElement(expressions, kind.removesuffix("s")).text = each
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{text}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--namespace", default="/", help="where the nodes live")
    parser.add_argument("--image", default="/camera/image_raw", help="the camera's topic")
    parser.add_argument(
        "--depth", default="/camera/depth_registered/image_raw", help="the topic of its depth"
    )
    options = parser.parse_args()
    sys.stdout.write(policies(options.namespace, options.image, options.depth))


if __name__ == "__main__":
    main()
