"""Runs a program on a terminal and types a line once it asks for a PIN: console.py LINE PROGRAM [ARGUMENT...].
Prints what the terminal showed; ends with the program's exit code."""
import os
import pty
import select
import sys
import time

line, program = sys.argv[1], sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    os.execvp(program[0], program)
shown, typed, end = b"", False, time.monotonic() + 60
while time.monotonic() < end:
    if select.select([terminal], [], [], 1)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    if not typed and b"PIN" in shown and b":" in shown.split(b"PIN")[-1]:
        time.sleep(1)
        os.write(terminal, line.encode() + (b"" if line == "\x03" else b"\r"))
        typed = True
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) if typed else 99)
