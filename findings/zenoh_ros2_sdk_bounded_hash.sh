#!/bin/sh
# zenoh-ros2-sdk 0.1.8 computes another RIHS01 hash than ROS 2 for types with bounded sequences.
#
# Versions: zenoh-ros2-sdk 0.1.8; ros-rcl-interfaces 2.0.3 (third-party wheel of ROS 2 Jazzy's
# rcl_interfaces, of which only definitions and a JSON file that rosidl wrote are read). Linux x86-64,
# Python 3.10 to 3.13.
# Input: rcl_interfaces/msg/ParameterDescriptor, which holds `IntegerRange[<=1] integer_range`.
# Seen: the hash of get_type_hash is not the one in rosidl's ParameterDescriptor.json, while that of
# rcl_interfaces/msg/IntegerRange, without a sequence, is.
# Why it matters: the hash is part of the key under which rmw_zenoh exchanges messages and calls
# services, so that topics and services of such types (DescribeParameters) are silently not heard.
# Exits 0 while this is so, and 1 once the hashes agree (or the simple one no longer does).
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check zenoh-ros2-sdk==0.1.8
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --target "$folder/wheel" ros-rcl-interfaces==2.0.3
"$folder/venv/bin/python" - "$folder" <<'PYTHON' || changed=1
import json
import sys
from pathlib import Path

from zenoh_ros2_sdk.utils import get_type_hash

(folder,) = {path.parent for path in Path(sys.argv[1]).rglob("rcl_interfaces/msg/Parameter.json")}
definitions = {
    name: (folder / f"{name.rpartition('/')[2]}.msg").read_text()
    for name in (
        "rcl_interfaces/msg/ParameterDescriptor",
        "rcl_interfaces/msg/IntegerRange",
        "rcl_interfaces/msg/FloatingPointRange",
    )
}


def agree(name, *parts):
    described = json.loads((folder / f"{name.rpartition('/')[2]}.json").read_text())
    (rosidl,) = (e["hash_string"] for e in described["type_hashes"] if e["type_name"] == name)
    found = get_type_hash(
        name, msg_definition=definitions[name], dependencies={p: definitions[p] for p in parts}
    )
    print(f"{name}\n  rosidl: {rosidl}\n  sdk:    {found}")
    return rosidl == found


bounded, *parts = definitions
simple, sequence = agree(parts[0]), agree(bounded, *parts)
sys.exit(not simple or sequence)
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the hashes agree, or the run failed" >&2
    exit 1
fi
