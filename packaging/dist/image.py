"""Packs a folder as a container image: image.py FOLDER NAME:TAG COMMIT >OUT.tar. The image is an OCI layout; `docker load` can
also read it. The same files make the same image: files are sorted, belong to root, and have the time in SOURCE_DATE_EPOCH."""
import datetime
import hashlib
import io
import json
import os
import sys
import tarfile

folder, name, commit = sys.argv[1:]
time = int(os.environ["SOURCE_DATE_EPOCH"])
created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
OCI = "application/vnd.oci.image"


def reset(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = time
    # The umask of the user who builds must not change the image.
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def add(tar, path, data):
    entry = tarfile.TarInfo(path)
    entry.size = len(data)
    tar.addfile(reset(entry), io.BytesIO(data))


def directory(path, mode):
    entry = tarfile.TarInfo(path)
    entry.type = tarfile.DIRTYPE
    entry.mtime = time
    entry.mode = mode
    return entry


def blob(tar, kind, data):
    digest = hashlib.sha256(data).hexdigest()
    add(tar, f"blobs/sha256/{digest}", data)
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}


def text(value):
    return json.dumps(value, sort_keys=True).encode()


content = io.BytesIO()
with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as layer:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for entry in sorted(files + folders):
            path = os.path.join(parent, entry)
            layer.add(path, os.path.relpath(path, folder), recursive=False, filter=reset)
    layer.addfile(directory("tmp", 0o1777))

with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.GNU_FORMAT) as tar:
    layer = blob(tar, "layer.v1.tar", content.getvalue())
    config = blob(tar, "config.v1+json", text({
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {
            "Entrypoint": ["/usr/bin/sastctl"],
            # The journal and the configuration are files below HOME: in the folder that the user mounts.
            "Env": ["PATH=/usr/bin", "HOME=/data"],
            "WorkingDir": "/data",
            "Labels": {"org.opencontainers.image.revision": commit, "org.opencontainers.image.licenses": "Apache-2.0 OR MIT"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        "history": [{"created": created}],
    }))
    manifest = blob(tar, "manifest.v1+json", text({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [layer],
    }))
    manifest["annotations"] = {"org.opencontainers.image.ref.name": name.split(":")[1], "io.containerd.image.name": name}
    add(tar, "index.json", text({"schemaVersion": 2, "manifests": [manifest]}))
    add(tar, "oci-layout", text({"imageLayoutVersion": "1.0.0"}))
    place = lambda part: part["digest"].replace("sha256:", "blobs/sha256/")
    add(tar, "manifest.json", text([{"Config": place(config), "RepoTags": [name], "Layers": [place(layer)]}]))
