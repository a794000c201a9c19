"""Teach a robot an object by name: automatic masks train Mask R-CNN; no person draws one."""

__version__ = "0.1.0"
