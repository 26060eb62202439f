#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md that a program can check."""
import re
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import run_unittests  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "effv2"

# A folder may include those of lower floors, and itself.
FLOORS = {"architecture": 0, "simd": 1, "parallel": 2, "kernels": 3, "network": 4, "image": 5, "weights": 6, "training": 7,
          "search": 8}

# What users of a header-only library should not be made to compile, or must not find done behind their back.
BANNED = ("<iostream>", "<fstream>", "<sstream>", "<iomanip>", "<regex>", "<thread>", "<future>", "<mutex>", "<filesystem>")


def files(*patterns):
    """Files of the project that match, without builds and what git keeps."""
    for pattern in patterns:
        for path in sorted(ROOT.rglob(pattern)):
            top = path.relative_to(ROOT).parts[0]
            if path.is_file() and not top.startswith("build") and top != ".git" and "__pycache__" not in path.parts:
                yield path


def includes(path):
    return re.findall(r'^#include ([<"][^>"]+[>"])', path.read_text(), re.M)


class Rules(unittest.TestCase):
    def test_floors(self):
        for path in INCLUDE.rglob("*.hpp"):
            folder = path.relative_to(INCLUDE).parts[0]
            if folder.endswith(".hpp"):
                continue  # effv2.hpp, error.hpp and others beside the floors
            self.assertIn(folder, FLOORS)
            for name in includes(path):
                if not (found := re.match(r'"effv2/(\w+)/', name)):
                    continue
                other = found.group(1)
                self.assertTrue(other == folder or FLOORS[other] < FLOORS[folder], f"{path} includes {name}")

    def test_headers_stay_light(self):
        for path in INCLUDE.rglob("*.hpp"):
            for name in includes(path):
                self.assertNotIn(name, BANNED, path)
            self.assertIn("\n#pragma once\n", path.read_text(), path)

    def test_only_one_header_knows_tbb(self):
        users = [path.name for path in INCLUDE.rglob("*.hpp") if any("<tbb/" in name for name in includes(path))]
        self.assertEqual(users, ["tbb.hpp"])

    def test_the_library_prints_nothing_and_never_aborts(self):
        calls = re.compile(r"\b(f?printf|f?puts|putchar|perror|abort|_?exit|_Exit|quick_exit|terminate|assert|__builtin_trap)\s*\(")
        for path in INCLUDE.rglob("*.hpp"):
            code = re.sub(r"//.*", "", path.read_text())
            self.assertIsNone(calls.search(code), path)

    def test_every_test_is_listed(self):
        listed = (ROOT / "tests" / "meson.build").read_text()
        for path in files("*_test.cpp", "*_test.py"):
            # 'weights/shipped_test.py', or within the list of a folder 'augment/crop_test.cpp' or 'write_test.cpp'.
            parts = path.relative_to(ROOT / "tests").parts
            names = [f"'{'/'.join(parts[i:])}'" for i in range(min(len(parts), 3))]
            self.assertTrue(any(name in listed for name in names), f"{path}: is not listed in tests/meson.build")

    def test_files_are_ascii_and_end_in_one_line_feed(self):
        for path in files("*.hpp", "*.cpp", "*.py", "*.sh", "*.md", "*.txt", "meson.build"):
            data = path.read_bytes()
            self.assertTrue(data.isascii(), path)
            self.assertTrue(data.endswith(b"\n") and not data.endswith(b"\n\n"), path)
            self.assertNotRegex(data, rb"[ \t]\n|\r", path)


if __name__ == "__main__":
    sys.exit(run_unittests())
