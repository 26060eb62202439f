#!/usr/bin/env python3
"""Builds and runs the program in consumer/ as a stranger would: with this project as a Meson subproject, and with the
installed library by pkg-config. consumer.py COMPILER [FLAG ...]"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
from report import report  # noqa: E402

COMPILER = sys.argv[1:]
ENVIRONMENT = {**os.environ, "CXX": " ".join(COMPILER)}


def call(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=ENVIRONMENT, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def as_subproject(folder):
    project = folder / "project"
    shutil.copytree(HERE / "consumer", project)
    library = project / "subprojects" / "effv2"
    library.mkdir(parents=True)
    for part in ("include", "examples", "tests", "bench", "meson.build", "meson_options.txt"):
        (library / part).symlink_to(ROOT / part)
    build = folder / "build"
    call("meson", "setup", build, project, "--wrap-mode=forcefallback", "-Dbuildtype=plain")
    call("ninja", "-C", build)
    call(build / "consumer")
    # Nothing of the library's own is built for others.
    programs = [path for path in (build / "subprojects").rglob("*") if path.suffix in (".o", ".a")]
    assert not programs, programs


def as_installed(folder):
    build, prefix = folder / "library", folder / "prefix"
    call("meson", "setup", build, ROOT, f"--prefix={prefix}", "-Dtests=disabled", "-Dexamples=disabled",
         "-Dbenchmarks=disabled")
    call("meson", "install", "-C", build)
    installed = {path.relative_to(prefix / "include") for path in (prefix / "include").rglob("*.hpp")}
    assert installed == {path.relative_to(ROOT / "include") for path in (ROOT / "include").rglob("*.hpp")}, installed
    ENVIRONMENT["PKG_CONFIG_PATH"] = str(prefix / "share" / "pkgconfig")
    flags = call("pkg-config", "--cflags", "--libs", "effv2").split()
    program = folder / "consumer"
    call(*COMPILER, "-std=c++20", "-fno-exceptions", "-fno-rtti", HERE / "consumer" / "consumer.cpp", "-o", program, *flags)
    call(program)


def main():
    failed = 0
    tests = (as_subproject, as_installed)
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Path(folder))
            except (AssertionError, RuntimeError) as error:
                failed += 1
                print(f"{test.__name__}: {error}")
    return report(len(tests) - failed, failed)


if __name__ == "__main__":
    sys.exit(main())
