"""Teach a robot an object by name: automatic masks train Mask R-CNN, without a person drawing one."""

__version__ = "0.1.0"
