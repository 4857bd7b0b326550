"""A check that strangers make, and the Node that their programs run on."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Check", "Node"]

LIMIT_S = 300


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was asked, what came of it, and what is to be said about that."""

    name: str
    passed: bool
    note: str = ""
    applies: bool = True

    def row(self) -> str:
        return f"| {self.name} | {'passed' if self.passed else '**failed**'} | {self.note} |"


@dataclass(frozen=True, kw_only=True)
class Node:
    """The Node that runs the packages below a directory, with a home of its own."""

    binary: Path
    packages: Path
    home: Path

    def run(self, package: str, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        script = self._directory(package) / self._manifest(package)["bin"][command]
        return subprocess.run(
            [self.binary, script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
            env={"PATH": os.pathsep.join([str(self.binary.parent), os.defpath]), "HOME": str(self.home)},
        )

    def release(self, package: str) -> str:
        return self._manifest(package)["version"]

    def _directory(self, package: str) -> Path:
        return self.packages / "node_modules" / package

    def _manifest(self, package: str) -> Mapping:
        return json.loads((self._directory(package) / "package.json").read_text(encoding="utf-8"))
