"""What the direct calls of the C API save, in instructions.

``rust/python/src/ffi.rs`` is the one file with ``unsafe`` in it. What safe PyO3 offers as well is
replaced by that, a row at a time, in a copy of the sources; the copy is built, and the workloads of
`benches.instructions` are counted with it. What saves nothing anywhere has no reason to be there.
Not in the table is what safe PyO3 does not offer: reading a reference count (its own way is
deprecated in favour of this call), looking for weak references, tuples that grow, adding to a
frozen set, the entries of a dict from a place on, methods of one argument; nor the parser's flag,
which saves time and no instructions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

from benches.instructions import counted
from benches.pages import table

__all__ = ["PACKAGES", "ROWS", "SAFE", "lines"]

PACKAGES = ("partialfast", "pydantic")
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
#: A slot is filled by its setter once it is not written to directly.
ROWS = (*((name,) for name in SAFE if name != "set"), ("fill", "set"))


def _replaced(source: str, function: str) -> str:
    """Return the source of ``ffi.rs`` with one function made safe."""
    if function == "CollectorPause":
        # The safe way is not to pause the collector.
        return source.replace("ffi::PyGC_Disable() } != 0", "0 } != 0")
    source = source.replace("pub trait Unit: Copy {}", "pub trait Unit: Copy + Into<u32> {}")
    body = re.compile(rf"^( *)(pub fn {function}\b.*?)\{{\n.*?^\1\}}\n", re.DOTALL | re.MULTILINE)
    made, times = body.subn(lambda found: found[1] + found[2] + SAFE[function], source, count=1)
    if not times:
        raise ValueError(f"ffi.rs has no function {function}")
    return made


def _count(*functions: str) -> dict[str, int]:
    """Return the instructions of every workload with some functions made safe, or none.

    Raises:
        subprocess.CalledProcessError: It does not build or run.
    """
    with TemporaryDirectory() as folder:
        copy, site = Path(folder) / "partialfast", Path(folder) / "site"
        left_out = shutil.ignore_patterns(".*", "target", "dist", "corpus", "__pycache__", "*.so")
        shutil.copytree(ROOT, copy, ignore=left_out)
        path = copy / "rust" / "python" / "src" / "ffi.rs"
        path.write_text(reduce(_replaced, functions, path.read_text("utf-8")), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        # Dependencies are compiled once for all copies. What a function leaves unused is no fault.
        target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target" / "unsafe"))
        fixed = {"CARGO_TARGET_DIR": target, "RUSTFLAGS": "--cap-lints warn"}
        command = [*pip, "--target", str(site), str(copy)]
        subprocess.run(command, check=True, env={**os.environ, **fixed}, stdout=sys.stderr)
        return counted(str(site))


def lines() -> Iterator[str]:
    """Count each row; yield the table."""
    base = _count()

    def row(functions: tuple[str, ...]) -> list[str]:
        changed = _count(*functions)
        names = ", ".join(f"`{name}`" for name in functions)
        return [names, *(f"{changed[key] / base[key] - 1:+.1%}" for key in base)]

    yield table(["made safe", *base], map(row, ROWS))
