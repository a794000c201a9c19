"""Every line that a node may put on /diagnostics, answer to a service, or end its start with.

    python tools/spoken_lines.py        prints them, with `...` for what is filled in

They are read from the source: what `Health` and `DiagnosticStatus` are given as messages is
followed back through variables, attributes, parameters and returned values to the words that stand
in the code, and so is what every error that a node can meet is raised with.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from call_graph import FunctionNode, Program, Scope, walk

PACKAGE = Path(__file__).resolve().parent.parent / "automask_ros"
HOLE = "..."
LEAST_OF_PART = 3
"""Fixed words of what fills a hole that is more than a name."""
_ERROR = "automask_ros.errors.AutomaskError"
_PASSED_ON = {"str", "described", "one_line", "printable"}
"""Functions whose result says what their first argument says."""
_SAYING = {"note": 1, "Health": 1, "DiagnosticStatus": -1}
"""What takes a message for /diagnostics, and at which place."""


@dataclass(frozen=True, order=True)
class Line:
    """Words with holes in them, and where they stand in the code."""

    words: str
    place: str
    part: bool
    """Whether it fills a hole of another line."""


class Speech:
    """Finds the lines in the part of a program that nodes can come to."""

    def __init__(self, program: Program, scopes: list[Scope]) -> None:
        self._program = program
        self._scopes = scopes
        self._names = {scope.name for scope in scopes}
        self._calls: dict[str, list[tuple[Scope, ast.Call]]] = {}
        self._assigned: dict[str, list[tuple[Scope, ast.expr]]] = {}
        self._callbacks: dict[str, set[str]] = {}
        self._seen: set[tuple[str, int, bool]] = set()
        self._part = False
        self.lines: set[Line] = set()
        for scope in scopes:
            for node in walk(scope.node):
                if isinstance(node, ast.Call):
                    self._calls.setdefault(_called(node), []).append((scope, node))
                    self._note_callbacks(scope, node)
                for target, value in _assignments(node):
                    if isinstance(target, ast.Attribute):
                        self._assigned.setdefault(target.attr, []).append((scope, value))

    def _note_callbacks(self, scope: Scope, call: ast.Call) -> None:
        """Remember under which names functions are called that are given as arguments."""
        target = self._program.resolved(scope.module, call.func)
        function = self._program.functions.get(target)
        function = function or self._program.functions.get(f"{target}.__init__")
        names = _parameters(function.node)[bool(function.owner) :] if function else []
        given = [(keyword.arg, keyword.value) for keyword in call.keywords]
        for name, value in (*zip(names, call.args, strict=False), *given):
            if isinstance(value, ast.Name | ast.Attribute) and name:
                own = ast.unparse(value).rpartition(".")[2]
                self._callbacks.setdefault(own, set()).update({name, f"_{name}"})

    def collect(self) -> set[Line]:
        """All lines."""
        for scope in self._scopes:
            for node in walk(scope.node):
                if isinstance(node, ast.Call) and _called(node) in _SAYING:
                    self._say(scope, _argument(node, "message", _SAYING[_called(node)]))
                elif isinstance(node, ast.Call) and self._makes_error(scope, node):
                    self._say(scope, node.args[0])
                elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    kind = self._program.resolved(scope.module, node.exc.func)
                    # One with an `__init__` of its own words its line there.
                    worded = f"{kind}.__init__" in self._program.functions
                    if self._is_error(kind) and node.exc.args and not worded:
                        self._say(scope, node.exc.args[0])
        return self.lines

    def _is_error(self, kind: str) -> bool:
        return _ERROR in set(self._program.bases(kind))

    def _makes_error(self, scope: Scope, call: ast.Call) -> bool:
        """Whether a call is that of `super().__init__` in an error that words its own line."""
        own = ast.unparse(call.func) == "super().__init__" and self._is_error(scope.owner)
        return own and bool(call.args)

    def _say(self, scope: Scope, expression: ast.expr | None) -> None:
        """Add the lines that an expression may be."""
        key = (scope.name, id(expression), self._part)
        if expression is None or key in self._seen:
            return
        self._seen.add(key)
        match expression:
            case ast.Constant(value=str(text)):
                self._add(scope, expression, text)
            case ast.JoinedStr(values=parts):
                self._add(scope, expression, pattern_of(expression))
                holes = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
                self._say_parts(scope, holes)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                self._add(scope, expression, pattern_of(expression))
                self._say_parts(scope, [left, right])
            case ast.IfExp(body=body, orelse=other):
                self._say(scope, body)
                self._say(scope, other)
            case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
                for value in values:
                    self._say(scope, value)
            case ast.Dict(values=values):
                for value in values:
                    self._say(scope, value)
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                self._say(scope, value)
            case ast.Subscript(value=value):
                self._say(scope, value)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                self._say(scope, element)
            case ast.Name(id=name):
                self._say_name(scope, name)
            case ast.Attribute(attr=name):
                self._say_attribute(name)
            case ast.Call():
                self._say_call(scope, expression)

    def _say_parts(self, scope: Scope, expressions: list[ast.expr]) -> None:
        whole, self._part = not self._part, True
        for expression in expressions:
            if not isinstance(expression, ast.Constant):
                self._say(scope, expression)
        self._part = not whole

    def _say_name(self, scope: Scope, name: str) -> None:
        """A local variable, a parameter, or a constant of the module."""
        for place in (scope, self._program.modules[scope.module]):
            found = False
            for node in walk(place.node):
                for target, value in _assignments(node):
                    if isinstance(target, ast.Name) and target.id == name:
                        found = True
                        self._say(place, value)
            if found:
                return
            for position, parameter in enumerate(_parameters(place.node)):
                if parameter == name:
                    self._say_arguments(place, name, position)
                    return

    def _say_arguments(self, function: Scope, name: str, position: int) -> None:
        """What a function is given for a parameter wherever it is called."""
        own = function.name.rpartition(".")[2]
        if own == "__init__":
            own = function.owner.rpartition(".")[2]
        if function.owner:
            position -= 1
        for called in (own, *self._callbacks.get(own, ())):
            for scope, call in self._calls.get(called, ()):
                self._say(scope, _argument(call, name, position))

    def _say_attribute(self, name: str) -> None:
        """What is assigned to an attribute, given for a field, or returned by a property."""
        for scope, value in self._assigned.get(name, ()):
            self._say(scope, value)
        for method in self._program.methods.get(name, ()):
            if method.name in self._names:
                self._say_returned(method)
        for cls in self._program.classes.values():
            fields = [
                part.target.id
                for part in cls.node.body  # type: ignore[attr-defined]
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            if name in fields:
                for scope, call in self._calls.get(cls.name.rpartition(".")[2], ()):
                    self._say(scope, _argument(call, name, fields.index(name)))

    def _say_call(self, scope: Scope, call: ast.Call) -> None:
        name = _called(call)
        target = self._program.functions.get(self._program.resolved(scope.module, call.func))
        if name in _PASSED_ON or name in ("next", "list", "tuple", "join", "sorted", "min", "max"):
            for argument in call.args:
                self._say(scope, argument)
        elif target is not None:
            self._say_returned(target)
        elif isinstance(call.func, ast.Attribute):
            if name in ("get", "items", "values"):
                for argument in (call.func.value, *call.args[1:]):
                    self._say(scope, argument)
            for method in self._program.methods.get(name, ()):
                if method.name in self._names:
                    self._say_returned(method)

    def _say_returned(self, function: Scope) -> None:
        for node in walk(function.node):
            if isinstance(node, ast.Return | ast.Yield):
                self._say(function, node.value)

    def _add(self, scope: Scope, node: ast.expr, words: str) -> None:
        place = f"{scope.module.removeprefix('automask_ros.')}:{node.lineno}"
        self.lines.add(Line(" ".join(words.split()), place, self._part))


def pattern_of(expression: ast.expr) -> str:
    """The words of an expression, with `...` for what is filled in."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(pattern_of, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return pattern_of(left) + pattern_of(right)
    return HOLE


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if 0 <= position < len(call.args) else None


def _parameters(function: ast.AST) -> list[str]:
    if not isinstance(function, FunctionNode):
        return []
    return [each.arg for each in (*function.args.args, *function.args.kwonlyargs)]


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is bound to what; of a loop, each element to its variable."""
    pairs: list[tuple[ast.expr, ast.expr | None]] = []
    match node:
        case ast.Assign(targets=targets, value=value):
            pairs = [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            pairs = [(target, value)]
        case ast.AugAssign(target=target, value=value):
            pairs = [(target, value)]
        case ast.Call(func=ast.Attribute(value=target, attr="append" | "extend"), args=[value]):
            pairs = [(target, value)]
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            pairs = [(target, value)]
    for target, value in pairs:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from zip(target.elts, value.elts, strict=False)
        elif isinstance(target, ast.Tuple) and value is not None:
            yield from ((each, value) for each in target.elts)
        elif value is not None:
            yield target, value


def words_in(line: str) -> list[str]:
    """The words of a line that are always the same."""
    return re.findall(r"[^\W\d_]{2,}", line.replace(HOLE, " "))


def node_classes(program: Program) -> list[str]:
    """The classes that are run as nodes."""
    return [
        program.resolved(module, node.args[0])
        for module, scope in program.modules.items()
        for node in ast.walk(scope.node)
        if isinstance(node, ast.Call) and _called(node) == "run_node" and len(node.args) == 2
    ]


def spoken_lines() -> list[Line]:
    """The lines of all nodes. Not those that are all hole, and of what fills holes, only what could
    be a line: names and single words are not."""
    program = Program(PACKAGE)
    roots = [*node_classes(program), "automask_ros.nodes.spin.run_nodes"]
    lines = Speech(program, program.reachable(roots)).collect()
    return sorted(line for line in lines if _is_line(line))


def _is_line(line: Line) -> bool:
    # A state of a node may be one word.
    least = LEAST_OF_PART if line.part else 1 if line.place.startswith("nodes.") else 2
    spaced = " " in (line.words.strip(" .:;,") if line.part else line.words)
    return spaced and len(words_in(line.words)) >= least


if __name__ == "__main__":
    for line in spoken_lines():
        print(f"{line.place}: {'  ' if line.part else ''}{line.words}")
