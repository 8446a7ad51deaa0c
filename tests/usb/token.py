"""USB tokens over USB/IP (Linux, Documentation/usb/usbip_protocol.rst): devices with the ids of SafeNet's tokens. One that
the table of libccid has is a CCID device with a virtual PIV card in it; the others have an interface of their own.

    python3 token.py BUSID=VENDOR:PRODUCT[:KEY:CERTIFICATE] ...

`usbip attach -r 127.0.0.1 -b BUSID` inserts one, `usbip detach -p PORT` takes it out.
"""

import socket
import struct
import sys
import threading

from card import Card

# The answer to reset of an eToken 5110.
ATR = bytes.fromhex("3BD518008131FE7D8073C82110F4")
CCID, VENDOR_SPECIFIC = 0x0B, 0xFF
# usbip_protocol.rst
OP_REP_IMPORT, CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 0x0003, 1, 2, 3, 4
STALL, UNLINKED = -32, -104


def text(words):
    """A string descriptor."""
    encoded = words.encode("utf-16le")
    return bytes([len(encoded) + 2, 3]) + encoded


class Device:
    """A token: its descriptors (USB 2.0, chapter 9; USB CCID 1.1, chapter 5), and the card in it."""

    def __init__(self, vendor, product, files):
        self.vendor, self.product = vendor, product
        self.card = Card([(0x9A, *files)], bytes(range(16))) if files else None
        self.powered = False
        kind = CCID if self.card else VENDOR_SPECIFIC
        self.descriptor = struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, vendor, product, 0x100, 1, 2, 0, 1
        )
        ends = ((0x81, 3, 8, 24), (0x02, 2, 64, 0), (0x83, 2, 64, 0))
        ends = b"".join(struct.pack("<BBBBHB", 7, 5, *end) for end in ends)
        reader = struct.pack(
            "<BBHBBIIIBIIBIIIIIBBHBB",
            *(54, 0x21, 0x110, 0, 7, 3, 4000, 4000, 0, 9600, 9600, 0, 254, 0, 0, 0x000404FE, 3072, 0xFF, 0xFF, 0, 0, 1),
        )
        interface = bytes([9, 4, 0, 0, 3, kind, 0, 0, 0]) + (reader if self.card else b"") + ends
        self.configuration = struct.pack("<BBHBBBBB", 9, 2, 9 + len(interface), 1, 1, 0, 0x80, 50) + interface
        self.strings = {0: bytes([4, 3, 9, 4]), 1: text("SafeNet"), 2: text("Token JC")}

    def control(self, setup):
        """The answer to a standard request; None is a stall."""
        kind, request, value, _, length = struct.unpack("<BBHHH", setup)
        if (kind, request) == (0x80, 6):
            found = {1: self.descriptor, 2: self.configuration, 3: self.strings.get(value & 255)}.get(value >> 8)
            return None if found is None else found[:length]
        if (kind, request) == (0x80, 0):
            return bytes(2)
        return b"" if request in (1, 3, 9, 11) else None

    def ccid(self, message):
        """The reader's answer to a message of the host."""
        kind, length, slot, sequence = struct.unpack("<BIBB", message[:7])

        def answer(kind, data=b"", more=0, status=None):
            status = (0 if self.powered else 1) if status is None else status
            return struct.pack("<BIBBBBB", kind, len(data), slot, sequence, status, 0, more) + data

        if kind == 0x62:
            self.powered = True
            self.card.reset()
            return answer(0x80, ATR)
        if kind == 0x63:
            self.powered = False
            return answer(0x81)
        if kind == 0x65:
            return answer(0x81)
        if kind == 0x6F:
            return answer(0x80, self.card.execute(message[10 : 10 + length]))
        if kind in (0x61, 0x6C, 0x6D):
            return answer(0x82, bytes([0x11, 0x10, 0, 0x15, 0, 0xFE, 0]), 1)
        return answer(0x81, status=0x40)


class Attached:
    """One connection: the kernel of the host speaks with one device."""

    def __init__(self, connection, devices):
        self.connection = connection
        self.read(8)
        bus_id = self.read(32).rstrip(b"\0").decode()
        self.device = devices[bus_id]
        place = b"/sys/devices/tokens/".ljust(256, b"\0") + bus_id.encode().ljust(32, b"\0")
        number = int(bus_id.split("-")[1])
        ids = (1, number + 1, 2, self.device.vendor, self.device.product, 0x100, 0, 0, 0, 1, 1, 1)
        connection.sendall(struct.pack(">HHI", 0x0111, OP_REP_IMPORT, 0) + place + struct.pack(">IIIHHHBBBBBB", *ids))

    def read(self, length):
        data = b""
        while len(data) < length:
            part = self.connection.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def submitted(self, sequence, status=0, data=b"", length=None):
        head = struct.pack(">IIIII", RET_SUBMIT, sequence, 0, 0, 0)
        length = len(data) if length is None else length
        self.connection.sendall(head + struct.pack(">iIIII", status, length, 0, 0, 0) + bytes(8) + data)

    def serve(self):
        answers, waiting, events = [], [], []
        told = False
        while True:
            head = self.read(48)
            command, sequence, _, reads, end = struct.unpack(">IIIII", head[:20])
            if command == CMD_UNLINK:
                unlinked = struct.unpack(">I", head[20:24])[0]
                for queue in (waiting, events):
                    if unlinked in queue:
                        queue.remove(unlinked)
                self.connection.sendall(
                    struct.pack(">IIIII", RET_UNLINK, sequence, 0, 0, 0) + struct.pack(">i", UNLINKED) + bytes(24)
                )
                continue
            length = struct.unpack(">I", head[24:28])[0]
            written = self.read(length) if not reads and length else b""
            if end == 0:
                answer = self.device.control(head[40:48])
                if answer is None:
                    self.submitted(sequence, STALL)
                else:
                    self.submitted(sequence, 0, answer if reads else b"", None if reads else length)
            elif end == 1 and not told:
                # A card is in the reader, and that is news.
                told = True
                self.submitted(sequence, 0, bytes([0x50, 3]))
            elif end == 1:
                events.append(sequence)
            elif end == 2:
                answers.append(self.device.ccid(written))
                self.submitted(sequence, 0, b"", length)
            else:
                waiting.append(sequence)
            while answers and waiting:
                self.submitted(waiting.pop(0), 0, answers.pop(0))


def serve(connection, devices):
    try:
        Attached(connection, devices).serve()
    except (EOFError, OSError, KeyError):
        connection.close()


def main():
    devices = {}
    for word in sys.argv[1:]:
        bus_id, what = word.split("=")
        vendor, product, *files = what.split(":")
        devices[bus_id] = Device(int(vendor, 16), int(product, 16), files)
    listener = socket.create_server(("127.0.0.1", 3240))
    print("ready", flush=True)
    while True:
        connection = listener.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=[connection, devices], daemon=True).start()


main()
