"""The command line as tests run it: against a front, at a pipe or at a terminal."""
import json
import os
import pathlib
import subprocess

from support import terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))


class Ringbinder:
    """One user's command line: `url` is the front, `folder` where it runs."""

    def __init__(self, url, folder, **env):
        self.folder = pathlib.Path(folder)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "RB_URL": url, **env}

    def run(self, *words, expect=0, stdin=subprocess.DEVNULL, seconds=120):
        """Runs it in a pipe; the finished process with text in stdout and stderr."""
        done = subprocess.run([str(BIN / "ringbinder"), *map(str, words)], cwd=self.folder, env=self.env, stdin=stdin, capture_output=True, text=True,
                              timeout=seconds)
        assert expect is None or done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words, expect=0):
        """What --json printed: one value."""
        return json.loads(self.run(*words, "--json", expect=expect).stdout)

    def at_terminal(self, *words, expect=0, **how):
        """Runs it at a terminal; a terminal.Recording."""
        recording = terminal.record([str(BIN / "ringbinder"), *map(str, words)], env=self.env, cwd=self.folder, **how)
        assert expect is None or recording.status == expect, (words, recording.status, recording.text)
        return recording
