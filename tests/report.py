"""What the Python tests share: they end with a line "N passed, N failed", which scripts/test.sh adds up."""
import sys
import unittest


def report(passed, failed):
    """Prints the closing line and gives the exit status."""
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def run_unittests():
    """Runs the test cases of the calling program."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    bad = {test.id().split(" (")[0] for test, _ in result.failures + result.errors}
    return report(result.testsRun - len(result.skipped) - len(bad), len(bad))
