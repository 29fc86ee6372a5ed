"""Puts the licence header that ament_copyright looks for at the top of every Python file.

    python3 tools/licence_headers.py [--check] [--holder NAME] [--year YEAR]

For new files. With ``--check`` nothing is written, and the exit status says whether a header is
missing.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HEADER = """\
# Copyright {year} {holder}
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
"""


def main() -> int:
    """Add what is missing; return 1 when ``--check`` finds a file without."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--holder", default="fer_ros maintainers")
    parser.add_argument("--year", type=int, default=datetime.date.today().year)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    header = HEADER.format(year=args.year, holder=args.holder)
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "scripts"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    without = [path for name in listed.stdout.split() if lacks(path := ROOT / name)]
    for path in without:
        print(path.relative_to(ROOT))
        if not args.check:
            path.write_text(with_header(path.read_text(encoding="utf-8"), header), encoding="utf-8")
    return int(args.check and bool(without))


def lacks(path: Path) -> bool:
    """Return whether a file has content and no copyright line."""
    text = path.read_text(encoding="utf-8")
    return bool(text.strip()) and "# Copyright" not in text[:500]


def with_header(text: str, header: str) -> str:
    """Return a file's text with the header, below a line that names the interpreter."""
    first, _, rest = text.partition("\n")
    if first.startswith("#!"):
        return f"{first}\n{header}\n{rest}"
    return f"{header}\n{text}"


if __name__ == "__main__":
    sys.exit(main())
