"""A virtual smart card for tests: PIV (NIST SP 800-73-4) as far as OpenSC and ykcs11 ask for it.

It speaks to vpcd: each message has two bytes of length, big-endian; a length of one is a control byte.
"""

import os
import socket
import struct
import threading

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES

APPLICATION = bytes.fromhex("A000000308000010000100")
CERTIFICATE_OF = {0x9A: 0x5FC105, 0x9C: 0x5FC10A, 0x9D: 0x5FC10B, 0x9E: 0x5FC101}
CHUID, CCC = 0x5FC102, 0x5FC107

OK = b"\x90\x00"
NOT_FOUND = b"\x6a\x82"
WRONG_DATA = b"\x6a\x80"
WRONG_LENGTH = b"\x67\x00"
NOT_ALLOWED = b"\x69\x82"
BLOCKED = b"\x69\x83"
UNKNOWN_INSTRUCTION = b"\x6d\x00"


def tlv(tag, value):
    """One BER-TLV element."""
    digits = "%X" % tag
    head = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    n = len(value)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return head + length + value


def elements(data):
    """The BER-TLV elements in data."""
    i = 0
    while i < len(data):
        tag = data[i]
        i += 1
        if tag & 0x1F == 0x1F:
            tag = tag << 8 | data[i]
            i += 1
        n = data[i]
        i += 1
        if n == 0x81:
            n, i = data[i], i + 1
        elif n == 0x82:
            n, i = data[i] << 8 | data[i + 1], i + 2
        yield tag, data[i : i + n]
        i += n


class Card:
    """keys: (slot, private key file, certificate file), slots 0x9A, 0x9C, 0x9D, 0x9E."""

    def __init__(self, keys, guid, yubikey=False, pin=b"123456", puk=b"12345678", tries=3):
        self.pin, self.puk, self.limit = pin, puk, tries
        self.tries = self.puk_tries = tries
        self.yubikey = yubikey
        self.management_key = bytes.fromhex("0102030405060708" * 3)
        fascn = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")
        empty = b"".join(tlv(tag, b"") for tag in (0xFA, 0xFB, 0xFC, 0xFD, 0xFE))
        self.keys = {}
        self.objects = {
            CHUID: tlv(0x30, fascn) + tlv(0x34, guid) + tlv(0x35, b"20401231") + tlv(0x3E, b"") + tlv(0xFE, b""),
            CCC: tlv(0xF0, bytes(21))
            + tlv(0xF1, b"\x21") + tlv(0xF2, b"\x21") + tlv(0xF3, b"") + tlv(0xF4, b"\0")
            + tlv(0xF5, b"\x10") + tlv(0xF6, b"") + tlv(0xF7, b"") + empty,
        }
        for slot, key, certificate in keys:
            with open(key, "rb") as file:
                self.keys[slot] = load_pem_private_key(file.read(), None).private_numbers()
            with open(certificate, "rb") as file:
                self.objects[CERTIFICATE_OF[slot]] = tlv(0x70, file.read()) + tlv(0x71, b"\0") + tlv(0xFE, b"")
        self.reset()

    def reset(self):
        """Power off and on."""
        self.verified = self.fresh = self.administrator = False
        self.chain = self.rest = b""
        self.witness = self.challenge = None

    def answer(self, data, room):
        """As much as there is room for; the rest is fetched by GET RESPONSE."""
        if len(data) <= room:
            self.rest = b""
            return data + OK
        self.rest = data[room:]
        return data[:room] + bytes([0x61, len(self.rest) if len(self.rest) < 256 else 0])

    def execute(self, apdu):
        """One command APDU (ISO/IEC 7816-4), short or extended."""
        cla, ins, p1, p2 = apdu[:4]
        data, room = parts(apdu[4:])
        if ins == 0xC0:
            return self.answer(self.rest, room)
        self.chain += data
        if cla & 0x10:
            return OK
        data, self.chain = self.chain, b""
        if ins == 0xA4 and p1 == 4:
            return self.select(data, room)
        if ins == 0x20 and p2 == 0x80:
            return self.verify(data)
        if ins in (0x24, 0x2C) and p2 == 0x80:
            return self.change_pin(data, by_puk=ins == 0x2C)
        if ins == 0xCB:
            return self.get_data(data, room)
        if self.yubikey:
            answer = self.administration(ins, p1, p2, data, room)
            if answer is not None:
                return answer
        if ins == 0x87:
            return self.sign(p2, data, room)
        return UNKNOWN_INSTRUCTION

    def select(self, name, room):
        if not (APPLICATION.startswith(name) or name.startswith(APPLICATION[:9])):
            return NOT_FOUND
        self.verified = False
        return self.answer(tlv(0x61, tlv(0x4F, APPLICATION[5:]) + tlv(0x79, tlv(0x4F, APPLICATION[:5]))), room)

    def left(self, tries):
        return bytes([0x63, 0xC0 | tries]) if tries else BLOCKED

    def verify(self, pin):
        if not pin:
            return OK if self.verified else self.left(self.tries)
        if not self.tries:
            return BLOCKED
        if pin.rstrip(b"\xff") == self.pin:
            self.tries = self.limit
            self.verified = self.fresh = True
            return OK
        self.tries -= 1
        self.verified = False
        return self.left(self.tries)

    def change_pin(self, data, by_puk):
        tries, right = (self.puk_tries, self.puk) if by_puk else (self.tries, self.pin)
        if not tries:
            return BLOCKED
        if data[:8].rstrip(b"\xff") == right:
            self.pin, self.tries = data[8:16].rstrip(b"\xff"), self.limit
            if by_puk:
                self.puk_tries = self.limit
            return OK
        if by_puk:
            self.puk_tries = tries - 1
        else:
            self.tries = tries - 1
        return self.left(tries - 1)

    def get_data(self, data, room):
        for tag, value in elements(data):
            if tag != 0x5C:
                continue
            if value == b"\x7e":
                return self.answer(tlv(0x7E, tlv(0x4F, APPLICATION) + tlv(0x5F2F, b"\x40\x00")), room)
            found = self.objects.get(int.from_bytes(value, "big"))
            return NOT_FOUND if found is None else self.answer(tlv(0x53, found), room)
        return WRONG_DATA

    def sign(self, slot, data, room):
        key = self.keys.get(slot)
        if key is None:
            return WRONG_DATA
        # 9E needs no PIN; 9C needs it right before each signature.
        if (slot != 0x9E and not self.verified) or (slot == 0x9C and not self.fresh):
            return NOT_ALLOWED
        self.fresh = False
        for tag, value in elements(next(elements(data))[1]):
            if tag == 0x81 and value:
                n = key.public_numbers.n
                length = (n.bit_length() + 7) // 8
                if len(value) != length:
                    return WRONG_LENGTH
                signature = pow(int.from_bytes(value, "big"), key.d, n)
                return self.answer(tlv(0x7C, tlv(0x82, signature.to_bytes(length, "big"))), room)
        return UNKNOWN_INSTRUCTION

    def administration(self, ins, p1, p2, data, room):
        """What a YubiKey has beyond PIV, and what the management key allows."""
        if ins == 0xFD:
            return bytes([4, 3, 5]) + OK
        if ins == 0xF8:
            return b"\x00\x00\x12\x34" + OK
        if ins == 0x87 and p2 == 0x9B:
            return self.authenticate(dict(elements(next(elements(data))[1])))
        if ins not in (0x47, 0xDB, 0xFE, 0xFA, 0xFF):
            return None
        if not self.administrator:
            return NOT_ALLOWED
        if ins == 0x47:
            algorithm = dict(elements(next(elements(data))[1]))[0x80][0]
            key = rsa.generate_private_key(65537, {6: 1024, 7: 2048}[algorithm]).private_numbers()
            self.keys[p2] = key
            n = key.public_numbers.n
            modulus = n.to_bytes((n.bit_length() + 7) // 8, "big")
            return self.answer(tlv(0x7F49, tlv(0x81, modulus) + tlv(0x82, b"\x01\x00\x01")), room)
        if ins == 0xDB:
            (_, name), (_, value) = list(elements(data))[:2]
            tag = int.from_bytes(name, "big")
            if value:
                self.objects[tag] = value
            else:
                self.objects.pop(tag, None)
            return OK
        if ins == 0xFE:
            part = {tag: int.from_bytes(value, "big") for tag, value in elements(data)}
            p, q = part[1], part[2]
            public = rsa.RSAPublicNumbers(65537, p * q)
            d = pow(65537, -1, (p - 1) * (q - 1))
            self.keys[p2] = rsa.RSAPrivateNumbers(p, q, d, part[3], part[4], part[5], public)
            return OK
        if ins == 0xFA:
            self.limit = self.tries = p1
            return OK
        self.management_key = data[3:]
        return OK

    def authenticate(self, part):
        """By the management key, both sides to each other."""
        cipher = Cipher(TripleDES(self.management_key), modes.ECB())

        def encrypted(block):
            encryptor = cipher.encryptor()
            return encryptor.update(block) + encryptor.finalize()

        if part.get(0x80) == b"":
            self.witness = os.urandom(8)
            return tlv(0x7C, tlv(0x80, encrypted(self.witness))) + OK
        if 0x80 in part and 0x81 in part:
            self.administrator = part[0x80] == self.witness
            if not self.administrator:
                return NOT_ALLOWED
            return tlv(0x7C, tlv(0x82, encrypted(part[0x81]))) + OK
        if part.get(0x81) == b"":
            self.challenge = os.urandom(8)
            return tlv(0x7C, tlv(0x81, self.challenge)) + OK
        if 0x82 in part:
            self.administrator = encrypted(self.challenge) == part[0x82]
            return OK if self.administrator else NOT_ALLOWED
        return WRONG_DATA


def parts(body):
    """Command data and the room for the answer."""
    if not body:
        return b"", 256
    if body[0] == 0 and len(body) >= 3:
        n = body[1] << 8 | body[2]
        if len(body) == 3:
            return b"", n or 65536
        rest = body[3 + n :]
        return body[3 : 3 + n], (int.from_bytes(rest, "big") or 65536) if rest else 256
    if len(body) == 1:
        return b"", body[0] or 256
    rest = body[1 + body[0] :]
    return body[1 : 1 + body[0]], (rest[0] or 256) if rest else 256


class Inserted:
    """A card in the reader of vpcd on this port, until it is taken out."""

    def __init__(self, card, atr, port):
        self.card, self.atr = card, atr
        self.socket = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def take_out(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def receive(self, n):
        data = b""
        while len(data) < n:
            # Without it each message waits 40 ms for an acknowledgement.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def send(self, data):
        self.socket.sendall(struct.pack("!H", len(data)) + data)

    def serve(self):
        try:
            while True:
                message = self.receive(struct.unpack("!H", self.receive(2))[0])
                if len(message) > 1:
                    self.send(self.card.execute(message))
                elif message[0] == 4:
                    self.send(self.atr)
                else:
                    self.card.reset()
        except (ConnectionError, OSError):
            pass
