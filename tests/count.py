#!/usr/bin/env python3
"""Counts single test cases: count.py testlog.json prints how many passed and how many failed, and names on stderr the
programs that were skipped. Test programs end with doctest's summary or with a line "N passed, N failed"; of others, the
whole program counts as one, and so does a log without any."""
import json
import re
import sys

SUMMARY = re.compile(r"\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed|^(\d+) passed, (\d+) failed$", re.M)


def count(test):
    """(passed, failed) of one program."""
    if test["result"] == "SKIP":
        return 0, 0
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    found = SUMMARY.search(re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout", "")))
    if not found:
        return int(good), int(not good)
    passed, failed = (int(number) for number in found.groups() if number is not None)
    return passed, failed if good else max(failed, 1)


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    for test in tests:
        if test["result"] == "SKIP":
            print(f"skipped: {test['name']}", file=sys.stderr)
    counts = [count(test) for test in tests] or [(0, 1)]
    print(sum(passed for passed, _ in counts), sum(failed for _, failed in counts))


if __name__ == "__main__":
    main()
