#!/usr/bin/env python3
"""Each header of the library must compile alone, without warnings, exceptions and run-time type information:
headers.py COMPILER [FLAG ...]. The flags -I of oneTBB and xsimd may be among them."""
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import report  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-fno-exceptions", "-fno-rtti"]


# Half of the time goes into reading xsimd. A header that includes it through another one gets it precompiled, ahead of
# its own includes: what it lacks besides is missed as before.
SLOW = "effv2/simd/row.hpp"


@cache
def includes(name):
    """What a header of the library includes of it, itself or through others."""
    found = set(re.findall(r'^#include "(effv2/.*)"', (ROOT / "include" / name).read_text(), re.M))
    return found.union(*map(includes, found))


def compiles(program, *arguments):
    done = subprocess.run([*sys.argv[1:], *STRICT, *arguments], input=program, text=True, capture_output=True)
    if done.returncode != 0:
        print(f"{program}{done.stderr}")
    return done.returncode == 0


def main():
    headers = [path.relative_to(ROOT / "include").as_posix() for path in (ROOT / "include" / "effv2").rglob("*.hpp")]
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        slow = f"{folder}/slow.hpp"
        Path(slow).write_text(f'#include "{SLOW}"\n')
        if not compiles("", "-x", "c++-header", slow, "-o", f"{slow}.gch"):
            return report(0, 1)
        for header in sorted(headers):
            # Included twice: a header without `#pragma once` would show.
            program = f'#include "{header}"\n' * 2 + "int main() {}\n"
            ahead = ["-include", slow] if SLOW in includes(header) else []
            passed += compiles(program, *ahead, "-fsyntax-only", "-x", "c++", "-")
    return report(passed, len(headers) - passed)


if __name__ == "__main__":
    sys.exit(main())
