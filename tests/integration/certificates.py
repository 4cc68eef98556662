# SPDX-License-Identifier: MIT
"""Certificates that are good for two days, of authorities that nobody knows."""
import os
import shutil
import subprocess


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def authority(directory, name):
    """NAME.pem and NAME.key."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN=authority {name}", "-keyout", f"{directory}/{name}.key",
            "-out", f"{directory}/{name}.pem")


def certificate(directory, name, by, address="127.0.0.1"):
    """NAME.pem and NAME.key, of that authority, for that address."""
    path = f"{directory}/{name}"
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{path}.key", "-out", f"{path}.csr")
    with open(f"{path}.names", "w", encoding="utf-8") as file:
        file.write(f"subjectAltName=IP:{address}\n")
    openssl("x509", "-req", "-extfile", f"{path}.names", "-in", f"{path}.csr", "-CA", f"{directory}/{by}.pem",
            "-CAkey", f"{directory}/{by}.key", "-CAcreateserial", "-days", "2", "-out", f"{path}.pem")
    os.unlink(f"{path}.csr")
    os.unlink(f"{path}.names")


def with_system_authority(directory, path, program):
    """A script below `directory` that runs `program` where that one is among the system's authorities."""
    folder, script = os.path.join(directory, "certs"), os.path.join(directory, "with-certs")
    os.mkdir(folder)
    shutil.copy(path, os.path.join(folder, "ca-certificates.crt"))
    openssl("rehash", folder)
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n"
                   f"exec unshare --mount sh -c 'mount --bind {folder} /etc/ssl/certs && exec {program} \"$@\"' sh \"$@\"\n")
    os.chmod(script, 0o755)
    return script
