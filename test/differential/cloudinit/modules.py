"""Boots roots with the real cloud-init for the differential tests of modules.

Started with the folder of its packages as the argument, in namespaces of its own. Each
line of standard input is a request in JSON, each line of standard output its answer:

    {"do": "version"}
    {"version": "26.2"}

    {"do": "boot", "root": DIR, "hostname": NAME}
    {"result": {"failed": {MODULE: TEXT}, "warnings": [TEXT, ...], "hostname": NAME, "console": TEXT}}

A root is complete: its configuration, its seed (NoCloud's), and programs. A boot runs in
a process of its own that changes its root, so that all paths are the root's; cloud-init is
loaded before, and Python's own library is mounted there for that process alone.
"""

import ctypes
import importlib
import json
import logging
import os
import pkgutil
import pty
import resource
import socket
import sys
import threading
import traceback
import tty

sys.path.insert(0, sys.argv[1])

import cloudinit  # noqa: E402
from cloudinit import sources, stages, util, version  # noqa: E402
from cloudinit.cmd import main as command  # noqa: E402
from cloudinit.config.modules import Modules  # noqa: E402
from cloudinit.settings import PER_INSTANCE  # noqa: E402

SECTIONS = ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules")


def load_all():
    """Loads what a boot may import: in its root there is no Python."""
    wanted = ("config", "distros", "handlers", "mergers", "net", "sources", "reporting")
    for module in pkgutil.walk_packages(cloudinit.__path__, "cloudinit."):
        parts = module.name.split(".")
        if len(parts) < 3 or parts[1] not in wanted or "sources.azure" in module.name:
            continue
        try:
            importlib.import_module(module.name)
        except ImportError:
            continue  # of a source or a distribution whose libraries are not here
    # What needs libraries in C, which no root has.
    for name in ("ssl", "hashlib", "uuid", "crypt", "bz2", "lzma", "zlib"):
        importlib.import_module(name)


class Warnings(logging.Handler):
    """Keeps what cloud-init warns of."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def boot():
    """As the four stages do, in one process; the network is left alone."""
    init = stages.Init()
    init.read_cfg()
    init.initialize()
    init.fetch(existing="check")
    init.instancify()
    command._maybe_set_hostname(init, stage="local", retry_stage="network")
    init.setup_datasource()
    init.update()
    command._maybe_set_hostname(init, stage="init-net", retry_stage="modules:config")
    init.cloudify().run("consume_data", init.consume_data, args=[PER_INSTANCE], freq=PER_INSTANCE)
    modules = Modules(init)
    init.activate_datasource()
    failed = {}
    for section in SECTIONS:
        for name, error in modules.run_section(section)[1]:
            failed[name.replace("-", "_")] = "%s: %s" % (type(error).__name__, error)
    return failed


CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    if function(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), args)


def prepare(root, console):
    call(LIBC.unshare, CLONE_NEWNS)
    call(LIBC.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    for path in sys.path[2:]:
        if os.path.isdir(path) and path.startswith("/usr/lib/"):
            os.makedirs(root + path, exist_ok=True)
            call(LIBC.mount, path.encode(), (root + path).encode(), None, MS_BIND, None)
    call(LIBC.mount, console.encode(), (root + "/dev/console").encode(), None, MS_BIND, None)


def boot_in(root, console):
    """Changes this process's root for good, and boots there."""
    prepare(root, console)
    os.chroot(root)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(PATH="/usr/sbin:/usr/bin", LANG="C.UTF-8", HOME="/root")
    null = os.open("/dev/null", os.O_RDWR)
    out = os.open("/var/log/cloud-init-output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    result = {}
    try:
        result["failed"] = boot()
    except Exception:
        result["failed"] = {"": traceback.format_exc()}
    result["warnings"] = warnings.texts
    result["hostname"] = socket.gethostname()
    return result


def read_all(fd, into):
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:  # the other end is closed
            return
        if not data:
            return
        into.append(data)


def run_boot(request):
    socket.sethostname(request["hostname"])
    read, write = os.pipe()
    terminal, console = pty.openpty()
    tty.setraw(console)
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            answer = boot_in(request["root"], os.ttyname(console))
            with os.fdopen(write, "w") as f:
                f.write(json.dumps(answer))
        finally:
            os._exit(0)
    os.close(write)
    shown = []
    reader = threading.Thread(target=read_all, args=(terminal, shown))
    reader.start()
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(pid, 0)
    os.close(console)
    reader.join()
    os.close(terminal)
    if not text:
        raise RuntimeError("the boot died")
    result = json.loads(text)
    result["console"] = b"".join(shown).decode("utf-8", "replace")
    return {"result": result}


REQUESTS = {
    "version": lambda request: {"version": version.version_string()},
    "boot": run_boot,
}


def main():
    sys.modules["selinux"] = None
    sys.modules["pip"] = None  # whether this machine has it is no matter
    os.umask(0o022)
    # Python goes through all descriptors where it has no /proc.
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    load_all()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = REQUESTS[request["do"]](request)
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), flush=True)


main()
