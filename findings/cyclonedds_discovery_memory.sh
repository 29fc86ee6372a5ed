#!/bin/sh
# The Python binding of Cyclone DDS never frees user data and partitions of endpoints that it reads.
#
# Versions: cyclonedds 11.0.1 (wheel). Linux x86-64, Python 3.10 to 3.13, glibc.
# Input: one participant with 25 topics and a writer for each; a reader of the built-in topic of
# publications, whose read() is called 2,000 times. Nothing in the graph changes.
# Seen: with a user data policy (32 bytes) each endpoint and read costs 48 bytes of resident memory that
# neither gc.collect() nor malloc_trim() gives back, with a partition 64, without both none. take(), which
# returns each change once, does not rise.
# Why it matters: to follow topics that come and go, a robot's nodes look at the graph once a second, and
# ROS 2 puts type hashes into user data: of 50 endpoints that is some 0.2 MB a minute in each process,
# for ever. A lasting reader that takes changes is the way round it.
# Exits 0 while this is so, and 1 once reads cost no memory (or plain endpoints or changes do).
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check cyclonedds==11.0.1
CYCLONEDDS_URI='<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="lo"/></Interfaces>
<AllowMulticast>false</AllowMulticast></General></Domain></CycloneDDS>' \
    "$folder/venv/bin/python" - <<'PYTHON' || changed=1
import ctypes
import gc
import sys
import time
from dataclasses import dataclass

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopicDcpsPublication
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic

TOPICS, READS = 25, 2000


@dataclass
class Number(IdlStruct):
    value: int


def resident():
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def growth(read):
    for _ in range(100):
        read()
    before = resident()
    for _ in range(READS):
        read()
    return resident() - before


def cost(qos, method):
    """Return the bytes that one endpoint costs in one call."""
    participant = DomainParticipant(77)
    topics = [Topic(participant, f"topic_{k}", Number) for k in range(TOPICS)]
    writers = [DataWriter(participant, topic, qos=qos) for topic in topics]
    time.sleep(1)
    reader = BuiltinDataReader(participant, BuiltinTopicDcpsPublication)
    assert len(getattr(reader, method)(1000)) == len(writers)
    return growth(lambda: getattr(reader, method)(1000)) / READS / TOPICS


data = Qos(Policy.Userdata(b"typehash" * 4))
plain, user_data, changes = cost(None, "read"), cost(data, "read"), cost(data, "take")
partition = cost(Qos(Policy.Partition(["robot"])), "read")
print(f"read: {plain:.0f} bytes an endpoint, with user data {user_data:.0f}, partition {partition:.0f}")
print(f"take, with user data: {changes:.0f}")
sys.exit(not (user_data > 30 and partition > 30 and max(plain, changes) < 10))
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: reading costs no memory, or the run failed" >&2
    exit 1
fi
