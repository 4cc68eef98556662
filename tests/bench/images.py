# SPDX-License-Identifier: MIT
"""The benchmark's own images: one static program each, removed at the end."""
import contextlib
import io
import os
import subprocess
import tarfile

from machine import docker


@contextlib.contextmanager
def image_of(path):
    """An image with that program at its root, by its file's name."""
    name = os.path.basename(path)
    tag = f"dockgate-bench/{name}"
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add(path, name)
    subprocess.run(["docker", "import", "-", tag], input=tar.getvalue(), check=True,
                   stdout=subprocess.DEVNULL)
    try:
        yield tag
    finally:
        docker("rmi", tag)


def root_of(image, directory):
    """All files of an image, in a directory."""
    container = docker("create", "--label", "dockgate-bench", image, "/none")
    try:
        export = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", directory], stdin=export.stdout, check=True)
        if export.wait() != 0:
            raise SystemExit(f"bench: docker export of {image} failed")
    finally:
        docker("rm", container)
    return directory
