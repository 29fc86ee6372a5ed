#!/bin/sh
# rosbags 0.11.9 computes another RIHS01 type hash than ROS 2 for every type with a `char` field.
#
# Versions: rosbags 0.11.9; ros-std-msgs 5.3.6 (third-party wheel of ROS 2 Jazzy's std_msgs, of which
# only a JSON file that rosidl wrote is read). Linux x86-64, Python 3.10 to 3.13.
# Input: the type std_msgs/msg/Char, whose only field is `char data`.
# Seen: rosidl describes the field as type_id 3 (uint8; `char` is an alias of it) and the hash follows
# from that. rosbags' hash_rihs01 takes type_id 13 (FIELD_TYPE_CHAR) for it, so the hashes differ.
# Why it matters: rmw implementations compare these hashes. All service types contain
# service_msgs/msg/ServiceEventInfo with `char[16] client_gid`, so that a program that announces
# services (or std_msgs/Char) with rosbags' hashes does not match any ROS 2 node over Zenoh.
# Exits 0 while this is so, and 1 once the hashes agree.
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check rosbags==0.11.9
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --target "$folder/wheel" ros-std-msgs==5.3.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON' || changed=1
import json
import sys
from pathlib import Path

from rosbags.typesys import Stores, get_typestore

name = "std_msgs/msg/Char"
(path,) = Path(sys.argv[1]).rglob("std_msgs/msg/Char.json")
described = json.loads(path.read_text())
(rosidl,) = (e["hash_string"] for e in described["type_hashes"] if e["type_name"] == name)
(field,) = described["type_description_msg"]["type_description"]["fields"]
rosbags = get_typestore(Stores.ROS2_JAZZY).hash_rihs01(name)
print(f"rosidl:  {rosidl}  (type_id {field['type']['type_id']})")
print(f"rosbags: {rosbags}")
sys.exit(rosidl == rosbags)
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the hashes agree, or the run failed" >&2
    exit 1
fi
