"""Runs a program on a terminal and types LINE once: console.py WHEN LINE PROGRAM [ARGUMENT...]. WHEN is PIN (LINE is typed when
the program asks for a PIN), or the file in which faulty-token writes its calls (LINE is typed when one of them waits). After
Ctrl-C no Enter is typed. Prints what the terminal showed; exits with the program's exit code, or with 99 if nothing was typed."""
import os
import pty
import select
import sys
import time

when, line, program = sys.argv[1], sys.argv[2], sys.argv[3:]
process, terminal = pty.fork()
if process == 0:
    os.execvp(program[0], program)
shown, typed, end = b"", False, time.monotonic() + 60


def it_is_time():
    if when == "PIN":
        return b"PIN" in shown and b":" in shown.split(b"PIN")[-1]
    return os.path.exists(when) and "waits" in open(when).read()


while time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    if not typed and it_is_time():
        if when == "PIN":
            time.sleep(1)
        os.write(terminal, line.encode() + (b"" if line == "\x03" else b"\r"))
        typed = True
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) if typed else 99)
