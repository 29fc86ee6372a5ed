#!/bin/bash
# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Installs this package in an ARM 64 Debian that an x86-64 machine emulates (qemu-user), and runs
# tests there. It says whether things work on ARM, and nothing about speed: it is 10 to 50 times slower.
#
#   sudo apt-get install debootstrap qemu-user-static
#   sudo tools/arm_check.sh FOLDER [TEST ...]     # 2 GB in FOLDER, which is used again
#
# Without tests named it runs those of perception, node and replay, then the demo. Needs root for the
# mounts; they are in a mount namespace of their own and end with the script. SUITE (bookworm) names
# the Debian release, and with it the Python (3.11).
set -euo pipefail

if [ "${ARM_CHECK_INSIDE:-}" != yes ]; then
    [ $# -ge 1 ] || { sed -n '/^# Installs/,/^set/p' "$0" | sed '$d; s/^# \?//'; exit 2; }
    command -v debootstrap qemu-aarch64-static >/dev/null ||
        { echo "apt-get install debootstrap qemu-user-static first"; exit 2; }
    ARM_CHECK_INSIDE=yes exec unshare --mount --propagation private "$0" "$@"
fi

SOURCE=$(cd "$(dirname "$0")/.." && pwd)
ROOT=$1/root
shift
[ $# -gt 0 ] || set -- test/perception test/node test/replay
mkdir -p "$ROOT"

# The kernel hands ARM programs to qemu; F: the emulator is opened now, so the root needs no copy.
BINFMT=/proc/sys/fs/binfmt_misc
[ -e $BINFMT/register ] || mount -t binfmt_misc binfmt_misc $BINFMT
if [ ! -e $BINFMT/qemu-aarch64 ]; then
    printf '%s' ':qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F' > $BINFMT/register
fi

if [ ! -e "$ROOT/.ready" ]; then
    debootstrap --arch=arm64 --variant=minbase --include=ca-certificates,python3,python3-venv,git \
        "${SUITE:-bookworm}" "$ROOT"
    touch "$ROOT/.ready"
fi

mount --bind /proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
# ONNX Runtime reads the processor from /proc/cpuinfo and ends where it finds another kind there.
cat > "$ROOT/tmp/cpuinfo" <<'CPU'
processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

CPU
mount --bind "$ROOT/tmp/cpuinfo" "$ROOT/proc/cpuinfo"
# The registry and the network of this machine, whatever they are.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e $file ]; then cp -L $file "$ROOT$file"; fi
done

inside() {
    env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 OMP_NUM_THREADS=1 \
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-60}" \
        "$(command -v chroot || echo /usr/sbin/chroot)" "$ROOT" sh -c "cd /fer_ros && $1"
}

rm -rf "$ROOT/fer_ros"
mkdir "$ROOT/fer_ros"
git -C "$SOURCE" archive HEAD | tar -x -C "$ROOT/fer_ros"
inside "uname -m && python3 --version"
inside "[ -e /venv ] || python3 -m venv /venv"
# Wheels are fetched and unpacked by this machine's pip, which is no test of anything but much faster.
PYTHON_VERSION=$(inside "python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
python3 -c 'import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extras = project["optional-dependencies"]
print("\n".join([*project["dependencies"], *extras["zenoh"], *extras["video"], *extras["web"], *extras["adopt"],
                 "pytest", "pytest-timeout", "hypothesis", "setuptools", "wheel"]))' \
    "$SOURCE/pyproject.toml" > "$ROOT/tmp/requirements.txt"
python3 -m pip install --quiet --disable-pip-version-check --upgrade --only-binary=:all: \
    --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --python-version "$PYTHON_VERSION" --target "$ROOT/venv/lib/python$PYTHON_VERSION/site-packages" \
    -r "$ROOT/tmp/requirements.txt"
inside "/venv/bin/pip install --quiet --no-deps --no-build-isolation -e ."
inside "/venv/bin/fer-ros --help > /dev/null && /venv/bin/fer-ros models verify"
echo "== $*"
status=0
inside "/venv/bin/python -m pytest -q -p no:cacheprovider $*" || status=$?
echo "== demo"
inside "/venv/bin/fer-ros demo --picture /tmp/demo.jpg" || status=$?
exit $status
