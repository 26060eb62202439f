#!/usr/bin/env python3
"""Each header of the library must compile alone, without warnings, exceptions and run-time type information:
headers.py COMPILER [FLAG ...]. The flags -I of oneTBB and xsimd may be among them."""
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import report  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-fno-exceptions", "-fno-rtti"]


def main():
    headers = sorted((ROOT / "include" / "effv2").rglob("*.hpp"))
    failed = 0
    for header in headers:
        name = header.relative_to(ROOT / "include").as_posix()
        # Included twice: a header without `#pragma once` would show.
        program = f'#include "{name}"\n' * 2 + "int main() {}\n"
        done = subprocess.run([*sys.argv[1:], *STRICT, "-fsyntax-only", "-x", "c++", "-"], input=program, text=True,
                              capture_output=True)
        if done.returncode != 0:
            failed += 1
            print(f"{name}:\n{done.stderr}")
    return report(len(headers) - failed, failed)


if __name__ == "__main__":
    sys.exit(main())
