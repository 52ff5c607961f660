"""Programs at a terminal: a pseudo terminal of a known size, its recording, and what stands on the screen in the end."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Recording:
    """What a program wrote to its terminal: `text` as it came, `frames` each state that the last line had, `screen` the lines in the end."""

    def __init__(self, text, status):
        self.text, self.status = text, status
        self.frames, self.screen = replay(text)


def replay(text):
    """Plays carriage return, erase-to-end-of-line and newline; (states of the line, lines in the end)."""
    frames, lines, line, at = [], [], "", 0
    for piece in re.findall(r"\r\n|\r|\n|\x1b\[K|\x1b|[^\r\n\x1b]+", text):
        if piece == "\r":
            at = 0
        elif piece in ("\n", "\r\n"):
            lines.append(line)
            line, at = "", 0
        elif piece == "\x1b[K":
            line = line[:at]
        elif piece == "\x1b":
            raise AssertionError(f"an escape sequence that was not expected: {text!r}")
        else:
            line = line[:at] + piece + line[at + len(piece):]
            at += len(piece)
            frames.append(line)
    return frames, lines + ([line] if line else [])


def record(words, columns=80, answers=(), env=None, seconds=60, cwd=None, resize=None):
    """Runs words at a terminal of `columns`; `answers` are (text to wait for, what is typed then). resize: columns that the terminal gets after the
    first output."""
    master, slave = pty.openpty()
    set_columns(slave, columns)
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd, close_fds=True, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))  # so that Ctrl-C typed there is a signal
    os.close(slave)
    seen, waiting, end = b"", list(answers), time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # the program closed it: it has ended
            break
        if not piece:
            break
        seen += piece
        if resize:
            set_columns(master, resize)
            resize = None
        if waiting and waiting[0][0].encode() in seen:
            os.write(master, waiting.pop(0)[1].encode())
    else:
        process.kill()
    os.close(master)
    return Recording(seen.decode("utf-8", "replace"), process.wait())


def set_columns(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
