"""Run every benchmark and print its table: `python -m benchmarks [name ...]`, or `make bench`.

A benchmark is a module `bench_<name>` whose `main()` returns a DataFrame; its docstring says how to read it.
"""

import importlib
import pkgutil
import sys

import benchmarks


def run(names=()):
    """Print the tables of the named benchmarks ("load" is `bench_load`), or of all of them."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("bench_") and (not names or module.name.removeprefix("bench_") in names):
            benchmark = importlib.import_module(f"benchmarks.{module.name}")
            print(benchmark.__doc__.strip(), end="\n\n", flush=True)
            print(benchmark.main().to_string(), end="\n\n", flush=True)


if __name__ == "__main__":
    run(sys.argv[1:])
