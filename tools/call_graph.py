"""Which functions of the package a node's process can come to, read from the source.

Calls are followed by name: where the type of an object is not known, a method counts as called in
every class that the code so far speaks of. That is more than can happen, and never less.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Scope:
    """A function, a class, or a module's own statements, and where it stands."""

    module: str
    name: str
    node: ast.AST
    owner: str = ""
    """The class that a method belongs to."""


class Program:
    """The modules of a package."""

    def __init__(self, root: Path) -> None:
        self.functions: dict[str, Scope] = {}
        """By `module.function` or `module.Class.method`."""
        self.classes: dict[str, Scope] = {}
        self.methods: dict[str, list[Scope]] = {}
        """By their names alone."""
        self.modules: dict[str, Scope] = {}
        self._imported: dict[str, dict[str, str]] = {}
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            self._read(".".join(parts).removesuffix(".__init__"), path)

    def _read(self, module: str, path: Path) -> None:
        tree = ast.parse(path.read_text())
        self.modules[module] = Scope(module, module, tree)
        names = self._imported[module] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                own = names[node.name] = f"{module}.{node.name}"
                self.classes[own] = Scope(module, own, node)
                for part in node.body:
                    if isinstance(part, FunctionNode):
                        scope = Scope(module, f"{own}.{part.name}", part, own)
                        self.functions[scope.name] = scope
                        self.methods.setdefault(part.name, []).append(scope)
            elif isinstance(node, FunctionNode):
                own = names[node.name] = f"{module}.{node.name}"
                self.functions[own] = Scope(module, own, node)

    def resolved(self, module: str, expression: ast.expr) -> str:
        """The whole name of what an expression of a module names; empty where that is unknown."""
        if isinstance(expression, ast.Name):
            return self._imported[module].get(expression.id, "")
        if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
            within = self._imported[module].get(expression.value.id, "")
            return f"{within}.{expression.attr}" if within else ""
        return ""

    def bases(self, name: str) -> Iterator[str]:
        """A class and all that it is made of, as far as the package has them."""
        yield name
        if name in self.classes:
            for base in self.classes[name].node.bases:  # type: ignore[attr-defined]
                yield from self.bases(self.resolved(self.classes[name].module, base))

    def reachable(self, roots: Iterable[str]) -> list[Scope]:
        """The functions and the statements of modules that classes and functions lead to."""
        found: dict[str, Scope] = {}
        classes: set[str] = set()
        attributes: set[str] = set()
        ahead = list(roots)
        while ahead:
            self._follow(ahead, found, classes, attributes)
            for name in attributes:
                for method in self.methods.get(name, ()):
                    if method.owner in classes and method.name not in found:
                        ahead.append(method.name)
        return list(found.values())

    def _follow(
        self,
        ahead: list[str],
        found: dict[str, Scope],
        classes: set[str],
        attributes: set[str],
    ) -> None:
        while ahead:
            name = ahead.pop()
            if name in self.classes and name not in classes:
                classes.add(name)
                ahead.extend(self.bases(name))
                own = (s for s in self.functions.values() if s.owner == name)
                ahead.extend(s.name for s in own if s.name.endswith("__"))
                ahead.append(self.classes[name].module)
            scope = self.functions.get(name) or self.modules.get(name)
            if scope is None or name in found:
                continue
            found[name] = scope
            ahead.append(scope.module)
            for node in walk(scope.node):
                if isinstance(node, ast.Name | ast.Attribute):
                    target = self.resolved(scope.module, node)
                    if target:
                        ahead.append(target)
                    if isinstance(node, ast.Attribute):
                        attributes.add(node.attr)


def walk(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function; of a module, those of its classes too, but of no function."""
    if not isinstance(scope, ast.Module):
        yield from ast.walk(scope)
        return
    ahead: list[ast.AST] = [scope]
    while ahead:
        node = ahead.pop()
        yield node
        ahead.extend(
            each for each in ast.iter_child_nodes(node) if not isinstance(each, FunctionNode)
        )
