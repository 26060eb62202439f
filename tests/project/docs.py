#!/usr/bin/env python3
"""What the documentation shows must be true: docs.py BUILD_FOLDER COMPILER [FLAG ...]

- README.md's first program is examples/readme.cpp, to the letter.
- Every block of C++ compiles: one that begins with an #include as it stands, others within a function, classes and
  constants outside of one.
- Every block that begins with "$ build/examples/" shows what this command prints. With `update` in front of the other
  arguments, the blocks are rewritten instead.
- Every link to a file leads to one.
"""
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import run_unittests  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "weights").rglob("*.md")])
CONSOLE = re.compile(r"^```console\n\$ build/(examples/.*)\n(.*?)^```$", re.M | re.S)
BUILD, COMPILER = "", []

HEAD = """#include <effv2/effv2.hpp>
#include <effv2/parallel/tbb.hpp>
#include <effv2/weights/formula.hpp>
#include <effv2/weights/write.hpp>
#include <vector>
"""


def blocks(page):
    """The page's blocks of C++."""
    return re.findall(r"^```cpp\n(.*?)^```$", page.read_text(), re.M | re.S)


def program(block):
    """A block as a translation unit."""
    if block.startswith("#include"):
        return block
    outside = block.startswith(("class ", "using effv2::"))
    return HEAD + (block if outside else f"[[maybe_unused]] static void shown() {{\n{block}}}\n")


def output(command):
    """What a command of the build folder prints."""
    return subprocess.run(command.split(), cwd=BUILD, check=True, capture_output=True, text=True).stdout


def update():
    for page in PAGES:
        text = page.read_text()
        page.write_text(CONSOLE.sub(lambda m: f"```console\n$ build/{m[1]}\n{output(m[1])}```", text))


class Docs(unittest.TestCase):
    def test_readme_shows_the_example(self):
        self.assertEqual(blocks(ROOT / "README.md")[0], (ROOT / "examples" / "readme.cpp").read_text())

    def test_blocks_compile(self):
        for page in PAGES:
            for number, block in enumerate(blocks(page), 1):
                if page.name == "README.md" and number == 1:
                    continue  # built as examples/readme
                with self.subTest(page=page.name, block=number):
                    done = subprocess.run([*COMPILER, "-fsyntax-only", "-x", "c++", "-"], input=program(block), text=True,
                                          capture_output=True)
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_commands_print_what_is_shown(self):
        for page in PAGES:
            for command, shown in CONSOLE.findall(page.read_text()):
                with self.subTest(page=page.name, command=command):
                    self.assertEqual(shown, output(command))

    def test_links_lead_somewhere(self):
        for page in PAGES:
            text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    updating = sys.argv[1] == "update"
    BUILD, *COMPILER = sys.argv[2 if updating else 1:]
    sys.exit(update() if updating else run_unittests())
