#!/usr/bin/env python3
"""Prints one table with the costs of this program, each beside another figure from the same run. See docs/performance.md."""
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
RUNS = int(os.environ.get("RUNS", "30"))
ROUNDS = 3
PROGRAM = ROOT / "target/release/sastctl"
HELPER = ROOT / "target/release/examples/bench-helper"
GOLDEN = ROOT / "tests/testdata/golden/token-signed.tlv"
TOKEN = "SAST-ADN008580ef"


def output(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **more).stdout


def seconds(*commands, runs=RUNS, prepare="true"):
    """The median of each command's time: the commands run in turns, so that a slow minute affects all of them."""
    times = [[] for _ in commands]
    for _ in range(ROUNDS):
        result = WORK / "times.json"
        words = ["hyperfine", "--shell", "none", "--warmup", "3", "--runs", str(runs), "--output", "null", "-i"]
        words += ["--prepare", f"sh -c '{prepare}'", "--export-json", result, "--"]
        output(*words, *commands, cwd=WORK)
        for all_times, found in zip(times, json.loads(result.read_text())["results"]):
            # pkcs11-tool --version ends with 2.
            if any(found["exit_codes"]) and not found["command"].endswith("--version"):
                sys.exit(f"failed: {found['command']}")
            all_times += found["times"]
    return [statistics.median(t) for t in times]


def memory(command):
    """Peak resident memory in MiB."""
    words = ["/usr/bin/time", "-f", "%M", "sh", "-c", f"exec {command}"]
    run = subprocess.run(words, cwd=WORK, capture_output=True, text=True)
    return int(run.stderr.splitlines()[-1]) / 1024


ROWS = []


def row(what, ours, beside, figure=None, target=None, below=True):
    met = ""
    if target is not None:
        fits = figure <= target if below else figure >= target
        met = f"{'at most' if below else 'at least'} {target:g}: {'met' if fits else '**not met**'}"
    figure = "" if figure is None else f"{figure:.2f}"
    ROWS.append(f"| {what} | {ours} | {beside} | {figure} | {met} |")
    print(ROWS[-1], flush=True)


def ms(s):
    return f"{s * 1000:.2f} ms"


def tokens():
    made = output(ROOT / "softhsm-fixtures/make-tokens.sh", WORK / "hsm")
    for name, value in re.findall(r"(\w+)=['\"]?([^'\"\n;]+)", made):
        os.environ[name] = value
    os.environ |= {
        "SAST_PIN": "Cisco123",
        "SASTCTL_PIN_SOURCE": "env:SAST_PIN",
        "XDG_STATE_HOME": str(WORK / "state"),
        "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
    }
    listed = json.loads(output(PROGRAM, "token", "list", "--json"))
    module = listed["module"] if isinstance(listed, dict) else listed[0]["module"]
    return module, [t for t in listed["tokens"] if TOKEN in json.dumps(t)][0]["serial"]


def whole_commands(module, serial):
    tool = f"pkcs11-tool --module {module}"
    slots = re.split(r"(?m)^Slot ", output(*tool.split(), "-L"))
    slot = "--slot-index " + next(text.split()[0] for text in slots if serial in text)
    ours, theirs = seconds("sastctl token list", f"{tool} -L")
    row("`token list`", ms(ours), f"`pkcs11-tool -L` {ms(theirs)}", ours / theirs, 0.9)
    certificate = f"{tool} {slot} --read-object --type cert --id 01 -o cert.der"
    prepare = "rm -rf certs signed.tlv"
    for name in (serial, TOKEN):
        ours, theirs = seconds(f"sastctl cert export --token {name} --out certs -q", certificate, prepare=prepare)
        how = "serial number" if name == serial else "SAST name, which reads every token"
        row(f"`cert export`, by {how}", ms(ours), f"`--read-object` {ms(theirs)}", ours / theirs, 0.9)
    sign = f"{tool} {slot} --login --pin Cisco123 --sign --id 01 -m SHA1-RSA-PKCS -i {GOLDEN} -o sig"
    ours, theirs = seconds(
        f"sastctl ctl sign {GOLDEN} --token {serial} --out signed.tlv --yes -q", sign, prepare=prepare
    )
    row("`ctl sign` of one CTL", ms(ours), f"`--sign` of the same bytes {ms(theirs)}", ours / theirs, 0.9)


def many_signatures(module, serial):
    files = WORK / "thousand"
    files.mkdir()
    for number in range(1000):
        shutil.copy(GOLDEN, files / f"{number:04}.tlv")
    command = f"sh -c 'sastctl ctl sign thousand/*.tlv --token {serial} --out out --yes -q'"
    bare = f"{HELPER} bare-loop {module} {serial} {GOLDEN} 1000 1"
    ours, theirs = seconds(command, bare, runs=5, prepare="mkdir -p old; mv out state old/ 2>/dev/null || mv out old/ 2>/dev/null; mkdir out; mv old old.$$")
    beside = f"bare C_Sign loop {1000 / theirs:,.0f}/s"
    row("`ctl sign` of 1,000 files", f"{1000 / ours:,.0f}/s", beside, theirs / ours, 0.9, below=False)


def a_fleet():
    files = WORK / "fleet"
    files.mkdir()
    output(PROGRAM, "cert", "export", "--token", TOKEN, "--out", files)
    for number in range(200):
        shutil.copy(GOLDEN, files / f"{number:03}.tlv")
        ask = ["request", "sign", f"fleet/{number:03}.tlv", "--token", f"fleet/{TOKEN}.cer"]
        output(PROGRAM, *ask, "--out", f"fleet/{number:03}.sastreq", cwd=WORK)
    requests = "sh -c 'exec sastctl sign-request fleet/*.sastreq --ledger fleet/ledger --out answers --yes -q'"
    direct = f"sh -c 'exec sastctl ctl sign fleet/*.tlv --token {TOKEN} --out answers --yes -q'"
    prepare = "rm -rf answers state fleet/ledger; mkdir answers"
    ours, theirs = seconds(requests, direct, runs=10, prepare=prepare)
    row("`sign-request` of 200 requests", ms(ours), f"`ctl sign` of the same files {ms(theirs)}", ours / theirs, 1.5)
    used = []
    for command in (requests, direct):
        output("sh", "-c", prepare, cwd=WORK)
        used.append(memory(command))
    row("peak memory of `sign-request` of 200 requests", f"{used[0]:.1f} MiB", f"`ctl sign` {used[1]:.1f} MiB", used[0] / used[1])


def one_list():
    # The last column: verifications in a second.
    speed = lambda: 1 / float(
        re.search(r"rsa +1024 bits .* ([\d.]+)\s*$", output("openssl", "speed", "-seconds", "2", "rsa1024"))[1]
    )
    before = speed()
    output("cargo", "bench", "--locked", "--quiet", "--bench", "trustlist", "--", "--noplot", cwd=ROOT)
    verification = (before + speed()) / 2
    found = {}
    for path in (ROOT / "target/criterion").glob("**/new/estimates.json"):
        name = json.loads((path.parent / "benchmark.json").read_text())["full_id"]
        found[name] = json.loads(path.read_text())["median"]["point_estimate"] * 1e-9
    us = lambda s: f"{s * 1e6:.2f} µs"
    beside = f"one OpenSSL verification {us(verification)}"
    decode, both = found["decode a 5728-byte CTL"], found["decode and verify it"]
    row("decode a 5728-byte CTL", us(decode), beside, decode / verification, 0.6)
    row("decode and verify it", us(both), beside, both / verification, 4)
    growth = {n: found[f"decode and verify a CTL, by records/{n}"] for n in (1, 10, 100, 400)}
    few, many = (growth[100] - growth[10]) / 90, (growth[400] - growth[100]) / 300
    row(
        "decode and verify 1, 10, 100, 400 records",
        ", ".join(us(s) for s in growth.values()),
        f"a further record up to 100: {us(few)}, up to 400: {us(many)}",
        many / few,
        1.2,
    )


def many_files():
    files = WORK / "many"
    files.mkdir()
    for number in range(10_000):
        shutil.copy(GOLDEN, files / f"{number:05}.tlv")
    verify = lambda n, cores: f"taskset -c {cores} sh -c 'exec sastctl ctl verify -q many/{'0' * (5 - n)}{'?' * n}.tlv'"
    one, two = seconds(verify(4, "0"), verify(4, "0,1"), runs=10)
    row("`ctl verify` of 10,000 files on two cores", ms(two), f"on one core {ms(one)}", one / two, 1.8, below=False)
    start, = seconds("sastctl --version")
    time = {10**n: seconds(verify(n, "0"), runs=10)[0] - start for n in (2, 3, 4)}
    row(
        "`ctl verify` of 100, 1,000, 10,000 files on one core, without the start",
        ", ".join(ms(s) for s in time.values()),
        f"a file of 100: {time[100] * 1e4:.1f} µs, of 10,000: {time[10_000] * 1e2:.1f} µs",
        time[10_000] / 100 / time[100],
        1.2,
    )
    few, many = (memory(verify(n, "0,1").replace("taskset -c 0,1 ", "")) for n in (2, 4))
    row("peak memory of `ctl verify`, 10,000 files", f"{many:.1f} MiB", f"100 files {few:.1f} MiB", many / few, 1.3)
    sign = "sh -c 'sastctl ctl sign {} --token %s --out out --yes -q'" % TOKEN
    shutil.rmtree(WORK / "out", ignore_errors=True)
    (WORK / "out").mkdir()
    few, many = (memory(sign.format(f"many/{which}.tlv")) for which in ("000??", "0????"))
    row("peak memory of `ctl sign`, 10,000 files", f"{many:.1f} MiB", f"100 files {few:.1f} MiB", many / few, 1.3)


def start_and_size(serial):
    ours, theirs = seconds("sastctl --version", "pkcs11-tool --version")
    row("`--version`", ms(ours), f"`pkcs11-tool --version` {ms(theirs)}", ours / theirs, 1.5)
    size = PROGRAM.stat().st_size / 1e6
    row("size of the stripped binary, MB", f"{size:.2f}", "", size, 12)
    for records in (1, 400):
        output(HELPER, "list", records, WORK / f"records-{records}.tlv")
    shutil.copy(GOLDEN, WORK / "ctl.tlv")
    old = ROOT / "tests/testdata/golden/tokenless.tlv"
    commands = {
        "`--version`": "sastctl --version",
        "`token list`": "sastctl token list",
        "`token show`": f"sastctl token show {serial}",
        "`cert list`": "sastctl cert list",
        "`cert export`": f"sastctl cert export --token {serial} --out certs --force -q",
        "`ctl show`": "sastctl ctl show ctl.tlv",
        "`ctl show`, 400 records": "sastctl ctl show records-400.tlv",
        "`ctl verify`": "sastctl ctl verify ctl.tlv",
        "`ctl diff`": f"sastctl ctl diff {old} ctl.tlv",
        "`ctl check`": f"sastctl ctl check ctl.tlv --installed-ctl {old}",
        "`ctl ways`": f"sastctl ctl ways {old}",
        "`ctl sign`": f"sastctl ctl sign ctl.tlv --token {serial} --out signed.tlv --yes -q",
        "`revert`": f"sastctl revert {old} --token SAST-ADN008580ef --spare SAST-ADN0054f509 --out new.tlv --yes -q",
        "`doctor`": "sastctl doctor",
        "`journal show`": "sastctl journal show",
    }
    used = {name: memory(command) for name, command in commands.items()}
    row("peak memory of each command, MiB", ", ".join(f"{n} {m:.1f}" for n, m in used.items()), "", max(used.values()), 16)


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for more in ([], ["--examples"]):
        output("cargo", "build", "--release", "--locked", "--quiet", *more, cwd=ROOT)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()},")
    print(f"SoftHSM {output('softhsm2-util', '--version').strip()}, {output('openssl', 'version').strip()};", end=" ")
    print(f"medians of {RUNS * ROUNDS} runs.")
    print("\n| what | ours | beside | ratio | target |\n| --- | --- | --- | --- | --- |")
    module, serial = tokens()
    whole_commands(module, serial)
    many_signatures(module, serial)
    a_fleet()
    one_list()
    many_files()
    start_and_size(serial)


main()
