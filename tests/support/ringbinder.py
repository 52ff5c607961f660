"""The command line as tests run it: against a front, at a pipe, at a terminal, or in the background."""
import json
import os
import pathlib
import signal
import subprocess

from support import signed, terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))


class Ringbinder:
    """One user's command line: `url` is the front, `folder` where it runs. `tried` lists (words, exit status) of all that ended."""

    def __init__(self, url, folder, **env):
        self.folder = pathlib.Path(folder)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "RB_URL": url, **env}
        if token := signed.token_of(url):
            self.env.setdefault("RB_TOKEN", token)
        self.tried = []

    def run(self, *words, expect=0, stdin=subprocess.DEVNULL, seconds=120):
        """Runs it in a pipe; the finished process with text in stdout and stderr."""
        done = subprocess.run([str(BIN / "ringbinder"), *map(str, words)], cwd=self.folder, env=self.env, stdin=stdin, capture_output=True, text=True,
                              timeout=seconds)
        self.tried.append(([str(word) for word in words], done.returncode))
        assert expect is None or done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words, expect=0):
        """What --json printed: one value."""
        return json.loads(self.run(*words, "--json", expect=expect).stdout)

    def at_terminal(self, *words, expect=0, **how):
        """Runs it at a terminal; a terminal.Recording."""
        recording = terminal.record([str(BIN / "ringbinder"), *map(str, words)], env=self.env, cwd=self.folder, **how)
        self.tried.append(([str(word) for word in words], recording.status))
        assert expect is None or recording.status == expect, (words, recording.status, recording.text)
        return recording

    def begin(self, *words):
        """Runs it in the background: a Running."""
        return Running(self, [str(word) for word in words])


class Running:
    """A command in the background of a test; what it prints goes to `output`."""

    def __init__(self, user, words):
        self.user, self.words = user, words
        self.output = user.folder / f"output-{len(user.tried)}-{id(self):x}"
        with self.output.open("w") as file:
            self.process = subprocess.Popen([str(BIN / "ringbinder"), *words], cwd=user.folder, env=user.env, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT)

    def end(self, how=signal.SIGINT):
        """Ends it as Ctrl-C does; its exit status."""
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.user.tried.append((self.words, status))
        return status
