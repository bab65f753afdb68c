# Runs one part handler of cloud-init's, in a process of its own.
#
# In comes JSON: the handler's file, what is asked of it, and the parts for it. Out goes
# JSON: its types and frequency, and what went wrong. What the handler itself prints goes
# to standard error.
import ast
import base64
import importlib.util
import json
import os
import re
import sys
import traceback


class Cloud:
    """What a handler is given as "data": as much of cloud-init's object as there is."""

    def __init__(self, instance):
        self._instance = instance

    def get_instance_id(self):
        return self._instance


def words(text):
    return {w for w in re.findall(r"\w+", text) if len(w) > 3}


def private_words(source, parts):
    """Words of the parts and of the handler's own texts: they may be secrets."""
    found = set()
    for part in parts:
        found |= words(base64.b64decode(part["content"]).decode("utf-8", "replace"))
    try:
        for node in ast.walk(ast.parse(source)):
            for field, value in ast.iter_fields(node):
                if field in ("s", "value") and isinstance(value, str):  # "s" before Python 3.8
                    found |= words(value)
    except (SyntaxError, ValueError):
        found |= words(source)
    return found


def fault(error, file, private):
    """The last line of a traceback, with the handler's line, and without secrets."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line = frame.lineno
    said = (traceback.format_exception_only(type(error), error)[-1].strip().splitlines() or [""])[-1]
    if any(w in said for w in private):
        said = type(error).__name__
    return said + (" in line %d" % line if line else "")


def load(file):
    for directory in (os.path.dirname(file), "/var/lib/cloud/handlers"):
        if directory not in sys.path:
            sys.path.insert(0, directory)
    name = os.path.basename(file)[:-3]
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def version_of(module):
    try:
        return int(getattr(module, "handler_version", 1))
    except (TypeError, ValueError):
        return 1


def call(module, version, cloud, frequency, kind, name, payload, headers):
    arguments = [cloud, kind, name, payload]
    if version not in (1, 2, 3):
        raise ValueError("there is no handler_version %d" % version)
    if version >= 2:
        arguments.append(frequency)
    if version == 3:
        arguments.append(headers)
    module.handle_part(*arguments)


def payload_of(part):
    content = base64.b64decode(part["content"])
    if part["type"].startswith("text/"):
        return content.decode("utf-8", "surrogateescape")
    return content


def main(task, answer):
    file, frequency, parts = task["file"], task["frequency"], task["parts"] or []
    with open(file, "rb") as source:
        private = private_words(source.read().decode("utf-8", "replace"), parts)

    def attempt(place, work):
        try:
            return work()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: it is not this program's to end
            traceback.print_exc()
            answer["faults"].append({"part": place, "error": fault(error, file, private)})
            return None

    module = attempt("", lambda: load(file))
    if module is None:
        return
    asked = attempt("", lambda: [str(kind) for kind in module.list_types()])
    if asked is None:
        return
    answer["types"] = asked
    answer["frequency"] = str(getattr(module, "frequency", None) or "once-per-instance")
    if not frequency or answer["frequency"] != "always" and frequency != answer["frequency"]:
        return
    version, cloud = version_of(module), Cloud(task["instance"])
    for place, kind, name, payload, headers in (
        [("__begin__", "__begin__", None, None, {})]
        + [(p["filename"], p["type"], p["filename"], payload_of(p), p["headers"]) for p in parts]
        + [("__end__", "__end__", None, None, {})]
    ):
        headers = dict(headers or {}, **{"Content-Type": kind})
        attempt(place, lambda: call(module, version, cloud, frequency, kind, name, payload, headers))


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the handler prints
    result = {"types": None, "frequency": "", "faults": []}
    main(json.load(sys.stdin), result)
    sys.stdout.flush()
    json.dump(result, out)
    out.close()
