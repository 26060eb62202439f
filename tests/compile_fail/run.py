#!/usr/bin/env python3
"""Programs that must not compile: run.py COMPILER [FLAG ...].

The first line of a case is `// error: TEXT`. As it stands the case must fail to compile, and the compiler must say TEXT;
with -DSOUND, which mends the one mistake, it must compile.
"""
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import report  # noqa: E402

MARK = "// error: "


def problem(case, compiler):
    """What is wrong with a case, or nothing."""
    first = case.read_text().splitlines()[0]
    if not first.startswith(MARK):
        return f"begins without `{MARK}TEXT`"
    command = [*compiler, "-fsyntax-only", str(case)]
    # Quotation marks and the language of messages depend on the locale.
    environment = {**os.environ, "LC_ALL": "C"}
    flawed = subprocess.run(command, capture_output=True, text=True, env=environment)
    if flawed.returncode == 0:
        return "compiles, but must not"
    if first[len(MARK):] not in flawed.stderr:
        return f"fails without the words `{first[len(MARK):]}`:\n{flawed.stderr}"
    sound = subprocess.run([*command, "-DSOUND"], capture_output=True, text=True, env=environment)
    return f"does not compile with -DSOUND:\n{sound.stderr}" if sound.returncode != 0 else None


def main():
    cases = sorted(Path(__file__).parent.glob("*.cpp"))
    failed = 0
    for case in cases:
        if found := problem(case, sys.argv[1:]):
            failed += 1
            print(f"{case.name} {found}")
    return report(len(cases) - failed, failed)


if __name__ == "__main__":
    sys.exit(main())
