# git runs the command for every file: what it imports is asserted, not how long that takes.
from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "h5py", "deepdiff", "jinja2", "graphviz", "pygraphviz", "tensorflow", "keras"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["-h"], set()),
        (["install"], set()),
        (["uninstall"], set()),
        (["HEAD", "HEAD"], set()),
        (["textconv", "--format=1", "--", "a.h5"], set()),
        (["driver", "a.h5", "a.h5", "1" * 40, "100644", "b.h5", "0" * 40, "100644"], set()),
        (["driver", "a.h5", "m.h5", "1" * 40, "100644", "m.h5", "0" * 40, "100644"], {"numpy", "h5py"}),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(work, arguments, allowed):
    work.put("m.h5", "weight-changed")
    for name, digit in (("a.h5", "1"), ("b.h5", "2")):
        (work.top / name).write_text(POINTER.format(digit * 64))
    work.commit()
    script = f"import sys\nfrom modeldiff.git import main\nmain({arguments!r})\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=work.top, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.rpartition("loaded:")[2].split()}
    assert "modeldiff" in loaded
    assert loaded & HEAVY <= allowed
