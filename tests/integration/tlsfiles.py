# SPDX-License-Identifier: MIT
"""An authority and its servers' certificates, good for a day."""
import os
import shutil
import subprocess
import tempfile


class Authority:
    def __init__(self, name="ca"):
        self.directory = tempfile.mkdtemp(prefix="dockgate-ca-", dir="/tmp")
        os.chmod(self.directory, 0o755)  # the service's users read the certificate
        self.path = self.file("ca.pem")
        self.request("ca", "-addext", "basicConstraints=critical,CA:TRUE", name=name)

    def file(self, name):
        return os.path.join(self.directory, name)

    def request(self, file, *more, name=None):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "1", "-subj", f"/CN=dockgate test {name or file}", "-keyout", self.file(f"{file}.key"),
                        "-out", self.file(f"{file}.pem"), *more], check=True, capture_output=True)

    def sign(self, address):
        """For an IP address: the files of the certificate and of its key."""
        self.request(address, "-CA", self.path, "-CAkey", self.file("ca.key"),
                     "-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:FALSE")
        return self.file(f"{address}.pem"), self.file(f"{address}.key")

    def close(self):
        shutil.rmtree(self.directory)
