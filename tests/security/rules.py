"""Rules of this project that no linter knows, as questions to the syntax tree of one shipped module."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Rule: TypeAlias = "Callable[[ast.Module], Iterator[ast.AST]]"

_LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "exception", "log", "msg"})
_LOGGERS = frozenset({"_log", "_LOG", "log", "logger", "_logger"})
_NEVER_TOLD = frozenset(
    {
        *("authorization", "body", "chart", "code", "comment", "content", "context", "cookie", "data", "detail"),
        *("headers", "message", "name", "password", "patient", "patient_id", "path", "payload", "query", "request"),
        *("resource", "secret", "state", "summary", "text", "token", "url", "user", "user_id", "value"),
    }
)
_SENDERS = frozenset({"AsyncClient", "Client", "get", "post", "put", "patch", "delete", "head", "request", "stream"})
_NETWORK = frozenset(
    {"urllib.request", "http.client", "socket", "requests", "aiohttp", "urllib3", "httpcore", "ftplib"}
)
_RUNS_CODE = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "os.system", "os.popen"),
        *("yaml.load", "yaml.unsafe_load", "tempfile.mktemp"),
    }
)
_STATEMENTS = frozenset({"text", "execute", "exec_driver_sql", "executemany", "literal_column"})
_UNSAFE = frozenset(
    {"subprocess", "pickle", "marshal", "shelve", "ctypes", "dill", "cloudpickle", "jsonpickle", "code"}
)


def swallows_broadly(tree: ast.Module) -> Iterator[ast.AST]:
    """Find handlers of every exception that do not raise: a bug would look like no advice."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _always_raises(node.body):
            yield node
        if isinstance(node, ast.Call) and _called(node).endswith("suppress") and any(map(_is_broad, node.args)):
            yield node


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(one) for one in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})


def _always_raises(body: list[ast.stmt]) -> bool:
    return any(
        isinstance(last, ast.Raise)
        or (isinstance(last, ast.If) and last.orelse and _always_raises(last.body) and _always_raises(last.orelse))
        or (isinstance(last, ast.With | ast.AsyncWith | ast.Try) and _always_raises(last.body))
        for last in body
    )


def logs_contents(tree: ast.Module) -> Iterator[ast.AST]:
    """Find log lines, notes and spans whose event is no constant, or that could hold what a caller sent."""
    for call in _calls(tree):
        if _is_log_call(call) or _called(call) in {"note", "span"}:
            event = call.args[:1] if _called(call) != "note" else []
            formatted = [part for part in event if not _is_fixed(part)]
            named = [given for given in call.keywords if given.arg in _NEVER_TOLD]
            built = [given for given in call.keywords if isinstance(given.value, ast.JoinedStr | ast.BinOp)]
            traced = [given for given in call.keywords if given.arg == "exc_info"]
            if formatted or named or built or traced or len(call.args) > 1 or _called(call).endswith(".exception"):
                yield call


def _is_fixed(event: ast.expr) -> bool:
    """Whether an event is a text of ours, or one of two."""
    if isinstance(event, ast.IfExp):
        return _is_fixed(event.body) and _is_fixed(event.orelse)
    return isinstance(event, ast.Constant) and isinstance(event.value, str)


def _is_log_call(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in _LEVELS:
        return False
    holder = function.value
    if isinstance(holder, ast.Name):
        return holder.id in _LOGGERS or holder.id == "logging"
    return isinstance(holder, ast.Call) and _called(holder).endswith(("get_logger", "getLogger"))


def opens_connections(tree: ast.Module) -> Iterator[ast.AST]:
    """Find what could ask any address: that is for the one module that checks where a request may go."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(name.name in _NETWORK for name in node.names):
            yield node
        if isinstance(node, ast.ImportFrom) and _imports(node) & _NETWORK:
            yield node
        if isinstance(node, ast.Call):
            name = _called(node)
            module, _, function = name.rpartition(".")
            if (module == "httpx" and function in _SENDERS) or name in {"asyncio.open_connection", "urlopen"}:
                yield node


def trusts_the_network(tree: ast.Module) -> Iterator[ast.AST]:
    """Find certificates that are not checked, redirects that are followed, and proxies taken from the environment."""
    loose = {"verify": False, "follow_redirects": True, "trust_env": True}
    for call in _calls(tree):
        for given in call.keywords:
            if given.arg in loose and isinstance(given.value, ast.Constant) and given.value.value is loose[given.arg]:
                yield call
        made = _called(call)
        if made in {"httpx.AsyncClient", "httpx.Client"} and not {"trust_env"} & {one.arg for one in call.keywords}:
            yield call
        if made.endswith("_create_unverified_context"):
            yield call


def runs_code(tree: ast.Module) -> Iterator[ast.AST]:
    """Find what runs text or bytes as code, or starts programs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(name.name.split(".")[0] in _UNSAFE for name in node.names):
            yield node
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _UNSAFE:
            yield node
        if isinstance(node, ast.Call):
            name = _called(node)
            if name in _RUNS_CODE:
                yield node


def trusts_markup(tree: ast.Module) -> Iterator[ast.AST]:
    """Find text that is called markup, and templates that do not escape."""
    for call in _calls(tree):
        name = _called(call)
        if name.split(".")[-1] in {"Markup", "mark_safe", "HTMLString"}:
            yield call
        if name.split(".")[-1] == "Environment":
            escaped = [ast.unparse(given.value) for given in call.keywords if given.arg == "autoescape"]
            if escaped != ["True"]:
                yield call


def builds_sql(tree: ast.Module) -> Iterator[ast.AST]:
    """Find statements put together from text."""
    for call in _calls(tree):
        is_statement = _called(call).split(".")[-1] in _STATEMENTS
        if is_statement and any(isinstance(one, ast.JoinedStr | ast.BinOp) or _formats(one) for one in call.args[:1]):
            yield call


def _formats(given: ast.expr) -> bool:
    return isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute) and given.func.attr == "format"


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    """Name what is called, as it is written: `httpx.AsyncClient`; empty where it has no name."""
    try:
        return ast.unparse(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""
    except RecursionError:
        return ""


def _imports(node: ast.ImportFrom) -> set[str]:
    module = node.module or ""
    return {module, *(f"{module}.{name.name}" for name in node.names)}


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        swallows_broadly,
        logs_contents,
        opens_connections,
        trusts_the_network,
        runs_code,
        trusts_markup,
        builds_sql,
    )
}
