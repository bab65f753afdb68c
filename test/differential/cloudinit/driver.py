"""Calls the real cloud-init for the differential tests, in one process for all cases.

Started with the folder of its packages as the argument. Each line of standard input is
a request in JSON, each line of standard output its answer:

    {"do": "net-convert", "kind": "yaml", "input": TEXT, "outputs": ["sysconfig", ...],
     "distro": "rhel", "interfaces": {NAME: MAC, ...}, "existing": {PATH: TEXT, ...}}
    {"results": {"sysconfig": {"files": {PATH: {"mode": "0644", "content": TEXT}}}, ...}}

    {"do": "user-data", "user": BASE64, "vendor": JSON, "vendor2": JSON, "index": NUMBER,
     "instance": ID, "system": [TEXT, ...], "files": {PATH: BASE64}, "messages": {NAME: BASE64}}
    {"result": {"files": {PATH: {"mode": "0700", "content": BASE64}}, "config": TEXT,
     "parts": {NAME: [{"type", "filename", "headers", "content": BASE64}]}, "hooks": [...]},
     "messages": {NAME: [PART, ...]}}

    {"do": "instance-data", "source": "NoCloud", "seed": {PATH: BASE64}, "system": TEXT,
     "kernel": {"node", "release", "build", "machine"}, "os_release": TEXT}
    {"result": {"files": {NAME: {"mode": "0600", "content": BASE64}}, "error": TEXT}}

    {"do": "query", "root": DIR, "uid": NUMBER, "args": [WORD, ...]}
    {"result": {"code": NUMBER, "stdout": TEXT, "error": TEXT}}

    {"do": "render", "text": TEXT, "data": {KEY: VALUE, ...}}
    {"result": {"text": TEXT}}

A result is {"error": TEXT} when cloud-init fails, and the answer is when the request is
not understood. What a request does is a function below, under its name in REQUESTS.
"""

import base64
import contextlib
import copy
import email
import io
import json
import logging
import os
import shutil
import stat
import sys
import tempfile
from unittest import mock

sys.path.insert(0, sys.argv[1])

import yaml  # noqa: E402
from cloudinit import (  # noqa: E402
    distros,
    dmi,
    net,
    safeyaml,
    sources,
    stages,
    subp,
    templater,
    url_helper,
    user_data,
    util,
    version,
)
from cloudinit.cmd import query  # noqa: E402
from cloudinit.handlers import jinja_template  # noqa: E402
from cloudinit.helpers import Paths  # noqa: E402
from cloudinit.net import (  # noqa: E402
    eni,
    network_manager,
    network_state,
    networkd,
    sysconfig,
)
from cloudinit.sources import (  # noqa: E402
    DataSourceConfigDrive,
    DataSourceNoCloud,
)
from cloudinit.sources.helpers import openstack  # noqa: E402

RENDERERS = {
    "network-manager": network_manager.Renderer,
    "sysconfig": sysconfig.Renderer,
    "networkd": networkd.Renderer,
}


def is_not_asked_of_this_machine(interfaces):
    """Puts the interfaces of the case in the place of this machine's."""
    by_mac = {mac: name for name, mac in interfaces.items()}
    for module in (net, network_state):
        module.get_interfaces_by_mac = lambda: dict(by_mac)
    network_state.find_interface_name_from_mac = by_mac.get
    net.get_ib_hwaddrs_by_interface = lambda: {}
    # No process is started, and no owner changed: nobody may be systemd-network here.
    subp.subp = lambda *a, **k: ("", "")
    util.udevadm_settle = lambda *a, **k: None
    util.chownbyname = lambda *a, **k: None
    # It dumps the state after every interface, for debug messages that nobody reads.
    network_state.NetworkStateInterpreter.dump_network_state = lambda self: ""


def read(kind, text, known_macs):
    """As cloud-init's net-convert reads its input."""
    if kind == "eni":
        return eni.convert_eni_data(text)
    if kind == "network_data.json":
        return openstack.convert_net_json(json.loads(text), known_macs=known_macs)
    config = yaml.safe_load(text)
    return config["network"] if "network" in config else config


def files_below(root):
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as f:
                files[path[len(root):]] = {
                    "mode": "%04o" % stat.S_IMODE(os.stat(path).st_mode),
                    "content": f.read(),
                }
    return files


def failure(error):
    return {"error": "%s: %s" % (type(error).__name__, error)}


def render(output, request, config):
    """As cloud-init's net-convert does, for one output."""
    root = tempfile.mkdtemp()
    try:
        for path, text in request.get("existing", {}).items():
            util.write_file(root + path, text)
        distro = distros.fetch(request["distro"])(request["distro"], {}, None)
        renderer = RENDERERS[output](config=distro.renderer_configs.get(output))
        state = network_state.parse_net_config_data(config, renderer=renderer)
        renderer.render_network_state(network_state=state, target=root + "/")
        return {"files": files_below(root)}
    except Exception as error:  # every failure is what is to be compared
        return failure(error)
    finally:
        shutil.rmtree(root)


def net_convert(request):
    is_not_asked_of_this_machine(request["interfaces"])
    known = {mac: name for name, mac in request["interfaces"].items()}
    try:
        config = read(request["kind"], request["input"], known)
    except Exception as error:
        return {"results": {o: failure(error) for o in request["outputs"]}}
    return {
        "results": {
            # A renderer may change what it is given.
            o: render(o, request, copy.deepcopy(config))
            for o in request["outputs"]
        }
    }


def encoded(data):
    return base64.b64encode(data).decode()


class Seed(sources.DataSource):
    """A data source that holds what the request says, as a config drive would."""

    dsname = "ConfigDrive"

    def fill(self, request):
        self.metadata = {"instance-id": request["instance"]}
        if request["index"] is not None:
            self.metadata["launch-index"] = request["index"]
        self.userdata_raw = base64.b64decode(request["user"])
        self.vendordata_raw = sources.convert_vendordata(request["vendor"])
        self.vendordata2_raw = sources.convert_vendordata(request["vendor2"])


def parts_of(message):
    """The parts as handlers get them."""
    parts = []
    for part in message.walk():
        if part.get_content_maintype() == "multipart":
            continue
        content = util.fully_decoded_payload(part)
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        parts.append(
            {
                "type": part.get_content_type(),
                "filename": part.get_filename(),
                "headers": {
                    name: " ".join(str(part[name]).split())
                    for name in ("Launch-Index", "Merge-Type", "X-Merge-Type")
                    if part[name]
                },
                "content": encoded(content or b""),
            }
        )
    return parts


def instance_files(cloud, instance):
    """The files that user data is the reason for."""
    files = {}
    for folder in ("instances/" + instance, "scripts"):
        for path, _, names in os.walk(os.path.join(cloud, folder)):
            for name in names:
                file = os.path.join(path, name)
                with open(file, "rb") as f:
                    files[file[len(cloud):]] = {
                        "mode": "%04o" % stat.S_IMODE(os.stat(file).st_mode),
                        "content": encoded(f.read()),
                    }
    return files


def consume(request, root, hooks):
    """As cloud-init's stages do once they have a data source."""
    cloud = root + "/var/lib/cloud"
    system = {"paths": {"cloud_dir": cloud, "run_dir": root + "/run"}}

    def base_config(*args, **kwargs):
        layers = [util.load_yaml(text, default={}) for text in request["system"]]
        layers.append({"system_info": {"distro": "rhel", **system}})
        return util.mergemanydict(layers)

    def fetch(url, **kwargs):
        path = url[len("file://"):] if url.startswith("file://") else url
        if path not in request["files"]:
            raise url_helper.UrlError("no such file", url=url)
        return url_helper.StringResponse(
            base64.b64decode(request["files"][path]), url
        )

    def run(argv, update_env=None, **kwargs):
        words = ["%s=%s" % item for item in (update_env or {}).items()]
        hooks.append(" ".join([argv[0][len(cloud):]] + words))
        return ("", "")

    stages.fetch_base_config = base_config
    user_data.read_file_or_url = fetch
    subp.subp = run
    init = stages.Init()
    seed = Seed(init.cfg, init.distro, init.paths)
    seed.fill(request)
    init.datasource = seed
    init._reset()
    idir = init._get_ipath()
    for folder in init._initial_subdirs() + [idir]:
        os.makedirs(folder, exist_ok=True)
    os.symlink(idir, init.paths.instance_link)
    util.write_file(
        init.paths.get_runpath("instance_data_sensitive"),
        base64.b64decode(request["instance_data"]),
    )
    try:
        init.update()
        init.consume_data()
    except Exception as error:
        result = failure(error)
    else:
        result = {
            "config": safeyaml.dumps(init.cfg, noalias=True),
            "parts": {
                "user-data.txt.i": parts_of(seed.get_userdata()),
                "vendor-data.txt.i": parts_of(seed.get_vendordata()),
                "vendor-data2.txt.i": parts_of(seed.get_vendordata2()),
            },
        }
    result["files"] = instance_files(cloud, request["instance"])
    result["hooks"] = hooks
    return result


def consume_user_data(request):
    root = tempfile.mkdtemp()
    try:
        result = consume(request, root, [])
    finally:
        shutil.rmtree(root)
    return {
        "result": result,
        "messages": {
            name: parts_of(
                email.message_from_string(base64.b64decode(text).decode())
            )
            for name, text in request["messages"].items()
        },
    }


class Platform:
    """What Python says of the machine, without what is about Python itself."""

    def __init__(self, kernel):
        self.kernel = kernel

    def system(self):
        return "Linux"

    def machine(self):
        return self.kernel["machine"]

    def release(self):
        return self.kernel["release"]

    def python_version(self):
        return ""

    def platform(self):
        return "Linux-%(release)s-%(machine)s" % self.kernel

    def uname(self):
        k = self.kernel
        return ("Linux", k["node"], k["release"], k["build"], k["machine"]) + (
            k["machine"],
        )


@contextlib.contextmanager
def another_machine(request):
    """Puts the machine of the case in the place of this one, for a while."""
    load = util.load_text_file

    def load_text_file(path, *args, **kwargs):
        if path == "/etc/os-release":
            return request["os_release"]
        return load(path, *args, **kwargs)

    in_place = [
        (util, "platform", Platform(request["kernel"])),
        (util, "load_text_file", load_text_file),
        (util, "get_hostname", lambda *a, **k: request["kernel"]["node"]),
        (util, "get_fqdn_from_hosts", lambda *a, **k: None),
        (util, "get_cmdline", lambda: ""),
        (util, "find_devs_with", lambda *a, **k: []),
        (dmi, "read_dmi_data", lambda key: None),
        (subp, "subp", lambda *a, **k: ("", "")),
        # It would write a config drive's files to this machine.
        (DataSourceConfigDrive, "on_first_boot", lambda *a, **k: None),
        (DataSourceConfigDrive, "find_candidate_devs", lambda *a, **k: []),
    ]

    def forget():
        util.system_info.cache_clear()
        util.get_linux_distro.cache_clear()

    with contextlib.ExitStack() as stack:
        forget()
        stack.callback(forget)
        for owner, name, other in in_place:
            stack.enter_context(mock.patch.object(owner, name, other))
        yield


def know_instance(request, root):
    """As the stages do with a seed folder, up to the modules."""
    cloud, run = root + "/var/lib/cloud", root + "/run/cloud-init"
    paths = {"cloud_dir": cloud, "run_dir": run}

    def base_config(*args, **kwargs):
        # The first wins: no path of the case may be this machine's.
        layers = [{"system_info": {"paths": paths}}]
        layers.append(util.load_yaml(request["system"], default={}))
        return util.mergemanydict(layers)

    name = {"NoCloud": "nocloud", "ConfigDrive": "config_drive"}
    for file, content in request["seed"].items():
        path = os.path.join(cloud, "seed", name[request["source"]], file)
        util.write_file(path, base64.b64decode(content))
    os.makedirs(run)
    stages.fetch_base_config = base_config
    init = stages.Init()
    source = {
        "NoCloud": DataSourceNoCloud.DataSourceNoCloud,
        "ConfigDrive": DataSourceConfigDrive.DataSourceConfigDrive,
    }[request["source"]](init.cfg, init.distro, init.paths)
    result = {}
    try:
        if not source.get_data():
            raise RuntimeError("it is no seed")
        init.datasource = source
        init._reset()
        idir = init._get_ipath()
        for folder in init._initial_subdirs() + [idir]:
            os.makedirs(folder, exist_ok=True)
        os.symlink(idir, init.paths.instance_link)
        init.update()
        init.consume_data()
    except Exception as error:
        result = failure(error)
    files = {}
    for file in os.listdir(run):
        path = os.path.join(run, file)
        if os.path.isdir(path):
            continue
        if os.path.islink(path):
            content = os.readlink(path).encode()
        else:
            with open(path, "rb") as f:
                content = f.read()
        files[file] = {
            "mode": "%04o" % stat.S_IMODE(os.lstat(path).st_mode),
            "content": encoded(content.replace(root.encode(), b"")),
        }
    result["files"] = files
    return result


def instance_data(request):
    # What is below /dev is taken for a device.
    root = tempfile.mkdtemp(dir="/tmp")
    try:
        with another_machine(request):
            return {"result": know_instance(request, root)}
    finally:
        shutil.rmtree(root)


def ask(request):
    """As the command "query" does, below a folder in place of the system's root."""
    root = request["root"]
    paths = Paths(
        {"cloud_dir": root + "/var/lib/cloud", "run_dir": root + "/run/cloud-init"}
    )
    out = io.StringIO()
    result = {"code": 1}
    with contextlib.redirect_stdout(out), mock.patch.object(
        query, "read_cfg_paths", lambda: paths
    ), mock.patch.object(os, "getuid", lambda: request["uid"]):
        try:
            args = query.get_parser().parse_args(request["args"])
            result["code"] = query.handle_args("query", args)
        except Exception as error:
            result["error"] = failure(error)["error"]
    result["stdout"] = out.getvalue().replace(root, "")
    return {"result": result}


def render_template(request):
    """As cloud-init's handler of templates does, with instance data."""
    variables = jinja_template.convert_jinja_instance_data(
        request["data"], include_key_aliases=True
    )
    try:
        return {"result": {"text": templater.render_string(request["text"], variables)}}
    except Exception as error:  # every failure is what is to be compared
        return {"result": failure(error)}


REQUESTS = {
    "query": ask,
    "instance-data": instance_data,
    "render": render_template,
    "user-data": consume_user_data,
    "version": lambda request: {"version": version.version_string()},
    "net-convert": net_convert,
}


def main():
    # Whether the machine has SELinux's module is looked for at every file otherwise.
    sys.modules["selinux"] = None
    logging.disable(logging.CRITICAL)
    os.umask(0o022)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = REQUESTS[request["do"]](request)
        except Exception as error:
            answer = failure(error)
        print(json.dumps(answer), flush=True)


main()
