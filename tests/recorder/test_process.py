"""The facts of a process, and whether another one lives."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from recorder import process
from recorder.redaction import Redaction

ROOT = Path(__file__).parents[2]
REDACTION = Redaction()

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="makes repositories with git")
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="process start times are read from /proc")


def git(directory, *arguments):
    setup = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *setup, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init")
    (made / "file").write_text("1")
    git(made, "add", ".")
    git(made, "commit", "-m", "first")
    return made


def frame():
    return process.process_frame("recorder", 3, REDACTION)


def test_the_frame_says_who_writes_and_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = frame()
    assert (found.recorder, found.segment, found.pid, found.cwd) == ("recorder", 3, os.getpid(), str(tmp_path))
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.host == os.uname().nodename


def test_the_version_is_the_packages():
    assert frame().version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_secrets_on_the_command_line_are_not_recorded(monkeypatch):
    secrets = ["--api-key", "hunter2", "--password=hunter2", "postgres://bob:hunter2@db"]
    monkeypatch.setattr(sys, "argv", ["run.py", "--model", "gpt", *secrets, "--tail"])
    shown = frame().argv
    assert "hunter2" not in shown
    assert shown.startswith("run.py --model gpt --api-key [redacted:api_key]")
    assert shown.endswith("--tail")


def test_a_strange_or_long_command_line_is_bounded(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["\udc80", "x" * 10**6] * 50)
    assert len(frame().argv) <= 1000
    monkeypatch.setattr(sys, "argv", None)
    assert frame().argv == ""


def test_a_working_directory_that_is_gone_costs_only_that_fact(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert (frame().cwd, frame().git_commit) == ("", "")


@needs_git
def test_commit_and_branch_are_read_without_git(repository, monkeypatch):
    (repository / "deep" / "er").mkdir(parents=True)
    commit = git(repository, "rev-parse", "HEAD")
    assert process.git_head(str(repository / "deep" / "er")) == (commit, "main")
    git(repository, "pack-refs", "--all")
    assert process.git_head(str(repository)) == (commit, "main")
    git(repository, "checkout", "-b", "feature/x")
    assert process.git_head(str(repository)) == (commit, "feature/x")
    git(repository, "checkout", "--detach")
    assert process.git_head(str(repository)) == (commit, "")


@needs_git
def test_a_worktree_has_its_own_head(repository, tmp_path):
    git(repository, "worktree", "add", "-b", "other", str(tmp_path / "tree"))
    commit = git(repository, "rev-parse", "HEAD")
    assert process.git_head(str(tmp_path / "tree")) == (commit, "other")
    git(repository, "pack-refs", "--all")
    assert process.git_head(str(tmp_path / "tree")) == (commit, "other")


@needs_git
def test_a_repository_without_commits_has_a_branch(tmp_path):
    git(tmp_path, "init")
    assert process.git_head(str(tmp_path)) == ("", "main")


@pytest.mark.parametrize("content", [b"", b"gitdir: nowhere", b"\xff\0", b"gitdir:"])
def test_a_broken_repository_costs_only_the_fact(tmp_path, content):
    (tmp_path / ".git").write_bytes(content)
    assert process.git_head(str(tmp_path)) == ("", "")
    assert process.git_dirty(str(tmp_path), 5.0) is None


@needs_git
def test_changes_since_the_commit_are_seen(repository, tmp_path):
    assert process.git_dirty(str(repository), 5.0) is False
    (repository / "file").write_text("2")
    assert process.git_dirty(str(repository), 5.0) is True
    assert process.git_dirty(str(tmp_path / "missing"), 5.0) is None


def test_when_this_process_began_is_known_before_it_loads_anything():
    program = "import time; now = time.time(); from recorder.process import began; print(now, began())"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    now, began = map(float, told.split())
    assert now - 60 < began
    assert (began < now) == sys.platform.startswith("linux")


@pytest.fixture
def child():
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield running
    running.kill()
    running.wait()
    running.stdin.close()


@needs_proc
def test_a_living_process_is_told_from_a_dead_one(child):
    started, namespace = process.started(child.pid), frame().pid_namespace
    assert process.is_alive(child.pid, started, namespace) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.is_alive(child.pid, started, namespace) is False, "a zombie is dead"
    child.wait()
    assert process.is_alive(child.pid, started, namespace) is False


@needs_proc
def test_a_pid_that_was_given_again_is_another_process():
    found = frame()
    assert process.is_alive(found.pid, found.pid_started, found.pid_namespace) is True
    assert process.is_alive(found.pid, str(int(found.pid_started) - 1), found.pid_namespace) is False


def test_nothing_is_told_of_a_process_that_cannot_be_seen():
    found = frame()
    assert process.is_alive(found.pid, found.pid_started, "pid:[1]") is None
    assert process.is_alive(found.pid, "", found.pid_namespace) is None
    assert process.is_alive(0, "", found.pid_namespace) is None
