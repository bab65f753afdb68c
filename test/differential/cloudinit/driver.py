"""Calls the real cloud-init for the differential tests, in one process for all cases.

Started with the folder of its packages as the argument. Each line of standard input is
a request in JSON, each line of standard output its answer:

    {"do": "net-convert", "kind": "yaml", "input": TEXT, "outputs": ["sysconfig", ...],
     "distro": "rhel", "interfaces": {NAME: MAC, ...}, "existing": {PATH: TEXT, ...}}
    {"results": {"sysconfig": {"files": {PATH: {"mode": "0644", "content": TEXT}}}, ...}}

A result is {"error": TEXT} when cloud-init fails, and the answer is when the request is
not understood. What a request does is a function below, under its name in REQUESTS.
"""

import copy
import json
import logging
import os
import shutil
import stat
import sys
import tempfile

sys.path.insert(0, sys.argv[1])

import yaml  # noqa: E402
from cloudinit import distros, net, subp, util, version  # noqa: E402
from cloudinit.net import (  # noqa: E402
    eni,
    network_manager,
    network_state,
    networkd,
    sysconfig,
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


REQUESTS = {
    "version": lambda request: {"version": version.version_string()},
    "net-convert": net_convert,
}


def main():
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
