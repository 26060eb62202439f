#!/usr/bin/env python3
"""What the documentation shows must be true: docs.py BUILD_FOLDER COMPILER [FLAG ...]

- README.md's first program is examples/readme.cpp, to the letter.
- Every block of C++ compiles, within a function or, if it begins with a class or `using effv2::`, outside of one, with
  effv2/effv2.hpp and the headers that blocks include.
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
CONSOLE = re.compile(r"^```console\n\$ build/(examples/[^\n]*)\n(.*?)^```$", re.M | re.S)
BUILD, COMPILER = "", []

HEAD = """#include <effv2/effv2.hpp>
#include <vector>
"""
INCLUDE = re.compile(r"^#include [^\n]*\n+", re.M)


def blocks(page):
    """The page's blocks of C++."""
    return re.findall(r"^```cpp\n(.*?)^```$", page.read_text(), re.M | re.S)


def program():
    """All blocks as one translation unit: the headers take longer than all of them. What one includes, all see."""
    parts, included = [], [HEAD]
    for page in PAGES:
        # README.md's first one is built as examples/readme.
        for number, block in enumerate(blocks(page)[page.name == "README.md":]):
            included += INCLUDE.findall(block)
            block = INCLUDE.sub("", block)
            outside = block.startswith(("class ", "using effv2::"))
            code = block if outside else f"[[maybe_unused]] static void shown() {{\n{block}}}\n"
            parts.append(f'#line 1 "{page.name}"\nnamespace {page.stem.replace("-", "_")}_{number} {{\n{code}}}\n')
    return "".join(included + parts)


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
        done = subprocess.run([*COMPILER, "-fsyntax-only", "-x", "c++", "-"], input=program(), text=True,
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
