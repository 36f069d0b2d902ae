"""What the direct calls of the C API save, in instructions.

    python -m benches.unsafe

``rust/python/src/ffi.rs`` is the one file with ``unsafe`` in it. What safe PyO3 offers as well is
replaced by that, a row at a time, in a copy of the sources; the copy is built, and the workloads of
`benches.instructions` are counted with it. What saves nothing anywhere has no reason to be there.
Not in the table is what safe PyO3 does not offer: reading a reference count (its own way is
deprecated in favour of this call), looking for weak references, tuples that grow, adding to a
frozen set, the entries of a dict from a place on, methods of one argument; nor the parser's flag,
which saves time and no instructions.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

from benches.table import show, table

__all__ = ["ROWS", "SAFE", "count"]

ROOT = Path(__file__).parents[1]
#: The safe body of each function of ``ffi.rs`` (after ``impl``, of a method).
SAFE = {
    "string_of": """{
    let _ = max_char;
    let text: String = units
        .iter()
        .map(|&unit| char::from_u32(unit.into()).unwrap_or('\\u{fffd}'))
        .collect();
    Ok(PyString::new(py, &text))
}
""",
    "string_from": """{
    let _ = max_char;
    let text: String = units
        .take(length)
        .map(|unit| char::from_u32(unit.into()).unwrap_or('\\u{fffd}'))
        .collect();
    Ok(PyString::new(py, &text))
}
""",
    "short_ascii": """{
    if bytes.len() > 32 {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
""",
    "allocate": """{
    let py = class.py();
    py.get_type::<PyAny>()
        .call_method1(pyo3::intern!(py, "__new__"), (class,))
}
""",
    "fill": """{
        self.set(object, value)
    }
""",
    "set": """{
        let py = object.py();
        self.descriptor
            .bind(py)
            .call_method1(pyo3::intern!(py, "__set__"), (object, value))?;
        Ok(())
    }
""",
    "list_with": """{
    let made = list.get_slice(0, list.len());
    if let Some(added) = added {
        made.append(added)?;
    }
    Ok(made)
}
""",
    "copy_set": """{
    PySet::new(set.py(), set)
}
""",
    "have_same_items": """{
    let item = |list: &Bound<'_, PyList>, index| list.get_item(index).map(|item| item.as_ptr());
    range.into_iter().all(|index| match (item(list, index), item(other, index)) {
        (Ok(one), Ok(two)) => one == two,
        _ => false,
    })
}
""",
    "CollectorPause": "",
}
#: What is made safe together: a slot is filled by its setter once it is not written to directly.
ROWS = (
    ("string_of",),
    ("string_from",),
    ("allocate",),
    ("fill",),
    ("fill", "set"),
    ("list_with",),
    ("copy_set",),
    ("have_same_items",),
    ("CollectorPause",),
)


def _replaced(source: str, function: str) -> str:
    """Return the source of ``ffi.rs`` with one function made safe."""
    if function == "CollectorPause":
        # The safe way is not to pause the collector.
        return source.replace("ffi::PyGC_Disable() } != 0", "0 } != 0")
    source = source.replace("pub trait Unit: Copy {}", "pub trait Unit: Copy + Into<u32> {}")
    head = re.search(rf"^ *pub fn {function}\b.*?(?=\{{\n)", source, re.DOTALL | re.MULTILINE)
    if head is None:
        raise ValueError(f"ffi.rs has no function {function}")
    indent = re.match(" *", head[0])
    assert indent is not None
    end = source.index(f"\n{indent[0]}}}\n", head.end()) + len(f"\n{indent[0]}}}\n")
    return source[: head.end()] + SAFE[function] + source[end:]


def _run(*command: object, **environment: str) -> str:
    environment = {**os.environ, **environment}
    words = list(map(str, command))
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def count(*functions: str) -> dict[str, int]:
    """Count with some functions made safe, or none.

    Args:
        functions: Keys of `SAFE`.

    Returns:
        Instructions by workload.

    Raises:
        subprocess.CalledProcessError: It does not build or run.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "partialfast"
        # The fuzz targets' builds and corpora are large and not needed.
        ignored = shutil.ignore_patterns("target", "corpus", "__pycache__", "*.so")
        for name in ("rust", "python"):
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy / name)
        path = copy / "rust" / "python" / "src" / "ffi.rs"
        path.write_text(reduce(_replaced, functions, path.read_text("utf-8")), encoding="utf-8")
        bin_ = Path(sys.executable).parent
        maturin = shutil.which("maturin", path=f"{bin_}{os.pathsep}{os.environ['PATH']}")
        assert maturin is not None, "maturin is not installed"
        # Dependencies are compiled once for all copies.
        target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target" / "unsafe"))
        manifest = ["--manifest-path", copy / "rust" / "python" / "Cargo.toml"]
        build = [maturin, "build", "--release", "--quiet", *manifest, "--out", copy / "dist"]
        build += ["--interpreter", sys.executable]
        _run(*build, CARGO_TARGET_DIR=target, RUSTFLAGS="--cap-lints warn")
        site = copy / "site"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site]
        _run(*install, *(copy / "dist").glob("*.whl"))
        program = "import json, benches.instructions as i; print(json.dumps(i.measured()))"
        counted = _run(sys.executable, "-c", program, PYTHONPATH=str(site))
        found: dict[str, int] = json.loads(counted)
        return found


def main() -> None:
    """Print the table."""
    base = count()

    def row(functions: Sequence[str]) -> list[str]:
        changed = count(*functions)
        return [
            ", ".join(f"`{name}`" for name in functions),
            *(f"{changed[name] / base[name] - 1:+.1%}" for name in base),
        ]

    show(table(["made safe       ", *base], map(row, ROWS)))


if __name__ == "__main__":
    main()
