"""How heavy `panel --help` and `import panel` are, as multiples of `python -c pass`.

usage: python -m benchmarks.startup [ROUNDS]
The three are run in turn, so that a busy machine slows all alike; medians are compared.
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "panel --help": ["-m", "panel", "--help"],
    "import panel": ["-c", "import panel"],
}
BARS = {"panel --help": 10.0, "import panel": 12.0}


def seconds(command: list[str]) -> float:
    """Return the wall time of one process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main(rounds: int) -> None:
    """Print the median of each command and the two ratios."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        seconds(command)  # fills the file cache
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name, value in medians.items():
        print(f"{name:16} {1000 * value:7.1f} ms, median of {rounds}")
    for name, bar in BARS.items():
        ratio = medians[name] / medians["python -c pass"]
        print(f"{name}: {ratio:.1f} x python -c pass (bar: {bar:.0f} x)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
