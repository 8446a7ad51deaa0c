"""A pcscd of its own with two virtual readers, and cards that come and go. Run it by `unshare -Urn`: vpcd listens on
every interface, so it gets a network with nothing but a loopback of its own.

    unshare -Urn python3 readers.py DIR [READER NAME]

Clients set PCSCLITE_CSOCK_NAME=DIR/pcsc.sock. Standard input takes a command a line, each is answered by a line:

    insert READER GUID ATR KIND SLOT=KEY:CERTIFICATE ...   KIND is piv or yubikey, READER 0 or 1
    remove READER
    stop | start                                           pcscd itself

Each is answered by `done`; besides, `seen inserted` and `seen removed` say when pcscd itself has noticed.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time

from card import Card, Inserted

FIRST_PORT = 0xA001


def loopback_up():
    """What `ip link set lo up` does (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = fcntl.ioctl(s, 0x8913, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))


def driver():
    for lib in ("/usr/lib/pcsc", "/usr/lib64/pcsc"):
        path = lib + "/drivers/serial/libifdvpcd.so"
        if os.path.exists(path):
            return path
    sys.exit("vpcd is not installed")


class Service:
    """pcscd, socket-activated on a socket of its own: so it needs no root and shares nothing."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, "pcsc.sock")
        self.conf = os.path.join(folder, "reader.conf.d")
        os.mkdir(self.conf)
        with open(os.path.join(self.conf, "vpcd"), "w") as file:
            # The driver opens two readers by one entry, the second on the next port.
            file.write(f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:0x{FIRST_PORT:04X}\n')
            file.write(f"LIBPATH {driver()}\nCHANNELID 0x{FIRST_PORT:04X}\n")
        self.log = os.path.join(folder, "pcscd.log")
        self.process = None

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(16)

        def activate():
            os.dup2(listener.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ["LISTEN_FDS"] = "1"
            os.environ["LISTEN_PID"] = str(os.getpid())

        command = ["pcscd", "-f", "-i", "-c", self.conf]
        # Newer ones ask polkit, which knows nobody here.
        if "--disable-polkit" in subprocess.run(["pcscd", "--help"], capture_output=True, text=True).stdout:
            command.append("--disable-polkit")
        self.process = subprocess.Popen(
            command,
            preexec_fn=activate,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self.listen_to, args=[self.process.stdout], daemon=True).start()
        listener.close()
        for i in range(2):
            wait_for(FIRST_PORT + i)

    def listen_to(self, lines):
        with open(self.log, "ab") as log:
            for line in lines:
                log.write(line)
                log.flush()
                if b"Card inserted into" in line:
                    print("seen inserted", flush=True)
                elif b"Card Removed From" in line:
                    print("seen removed", flush=True)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
        if os.path.exists(self.path):
            os.unlink(self.path)


def wait_for(port):
    """Until vpcd listens there; a connection would be a card, so the kernel's table is looked at."""
    wanted = f":{port:04X} "
    for _ in range(500):
        with open("/proc/net/tcp") as table, open("/proc/net/tcp6") as table6:
            if any(wanted in line and " 0A " in line for line in list(table) + list(table6)):
                return
        time.sleep(0.01)
    sys.exit("vpcd does not listen")


def main():
    folder = sys.argv[1]
    loopback_up()
    service = Service(folder, sys.argv[2] if len(sys.argv) > 2 else "AKS ifdh")
    service.start()
    cards = {}
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "insert":
            reader, guid, atr, kind = int(words[1]), *words[2:5]
            keys = []
            for word in words[5:]:
                slot, files = word.split("=", 1)
                keys.append((int(slot, 16), *files.split(":")))
            card = Card(keys, bytes.fromhex(guid), yubikey=kind == "yubikey")
            cards[reader] = Inserted(card, bytes.fromhex(atr), FIRST_PORT + reader)
        elif words[0] == "remove":
            cards.pop(int(words[1])).take_out()
        elif words[0] == "stop":
            service.stop()
        elif words[0] == "start":
            service.start()
        print("done", flush=True)
    service.stop()


main()
