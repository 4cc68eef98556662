# SPDX-License-Identifier: MIT
"""The engine at an address, over TLS, with certificates on both sides."""
import os
import shutil
import socket
import subprocess
import tempfile
from unittest import mock

import certificates
import service
from case import Case, content

ONLY = {name: None for name in ("cold", "kill-output", "build", "one", "short", "lines", "tokens", "files",
                                "classic")}
BYTES = 3_000_000


class OverTLS(Case):
    """What the engine's own listener with --tlsverify asks for, a relay asks for in front of it."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="dockgate-tls-", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        certificates.authority(cls.directory, "ca")
        certificates.authority(cls.directory, "other")
        for name, by in (("engine", "ca"), ("driver", "ca"), ("stranger", "other")):
            certificates.certificate(cls.directory, name, by)
        cls.known = cls.folder("known", "ca", "driver")
        cls.port = service.free_port()
        cls.relay()
        environment = {"DOCKER_CERT_PATH": cls.known, "DOCKER_TLS_VERIFY": "1"}
        patch = mock.patch.dict(os.environ, environment)
        patch.start()
        cls.addClassCleanup(patch.stop)
        image = service.make_image(service.Docker(service.docker_socket()))
        sandboxed = {**service.default_tasks(image, "")["sh"], "isolation": "sandbox", "warm": 1}
        svc = service.Service({"docker_host": f"tcp://127.0.0.1:{cls.port}"}, {**ONLY, "sandboxed": sandboxed})
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())

    @classmethod
    def folder(cls, name, authority, certificate):
        """As DOCKER_CERT_PATH names one."""
        folder = os.path.join(cls.directory, name)
        os.mkdir(folder)
        for source, target in ((f"{authority}.pem", "ca.pem"), (f"{certificate}.pem", "cert.pem"),
                               (f"{certificate}.key", "key.pem")):
            shutil.copy(os.path.join(cls.directory, source), os.path.join(folder, target))
        return folder

    @classmethod
    def relay(cls):
        own = f"cert={cls.directory}/engine.pem,key={cls.directory}/engine.key,cafile={cls.directory}/ca.pem"
        process = subprocess.Popen(
            ["socat", f"OPENSSL-LISTEN:{cls.port},bind=127.0.0.1,reuseaddr,fork,verify=1,{own}",
             f"UNIX-CONNECT:{service.docker_socket()}"], stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        for _ in service.until(30):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", cls.port)) == 0:
                    return
        raise AssertionError("socat does not listen")

    def doctor(self, program=service.DOCKGATE, **environment):
        done = subprocess.run([program, "doctor", "--config", self.service.config], text=True,
                              capture_output=True, check=False, env={**os.environ, **environment})
        return next(line for line in done.stdout.splitlines() if line.split()[1:2] == ["engine"])

    def test_both_levels(self):
        for level in ("container", "sandbox"):
            with self.subTest(level):
                task = "sh" if level == "container" else "sandboxed"
                job = self.native.run(task, args=["echo out; echo err >&2; exit 3"])
                self.assertEqual((job["isolation"], content(job["stdout"]), content(job["stderr"]), job["exit_code"]),
                                 (level, b"out\n", b"err\n", 3))

    def test_many_bytes_each_way(self):
        """More than one record of TLS, and than one reading of a line."""
        text = "0123456789abcdef" * (BYTES // 16)
        job = self.native.run("sh", args=["cat"], stdin=text, limits={"output_bytes": 2 * BYTES})
        self.assertEqual((job["verdict"], content(job["stdout"])), ("ok", text.encode()))

    def test_a_job_that_is_cancelled(self):
        job = self.native.accept("sh", args=["sleep 60"])
        for _ in service.until(30):
            if self.native.job(job)["state"] == "running":
                break
        self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(self.native.ended(job)["verdict"], "cancelled")

    def test_doctor(self):
        self.assertTrue(self.doctor().startswith("ok "), self.doctor())

    def test_certificates_that_do_not_fit(self):
        for folder, said in ((self.folder("wrong-engine", "other", "driver"), "certificate"),
                             (self.folder("wrong-driver", "ca", "stranger"), ""),
                             ("/nonexistent", "/nonexistent/ca.pem")):
            with self.subTest(folder):
                line = self.doctor(DOCKER_CERT_PATH=folder)
                self.assertTrue(line.startswith("FAIL "), line)
                self.assertIn(said, line)
        self.assertIn("DOCKER_CERT_PATH is not", self.doctor(DOCKER_CERT_PATH=""))

    def test_the_system_s_authorities_are_not_believed(self):
        program = certificates.with_system_authority(self.directory, f"{self.directory}/ca.pem", service.DOCKGATE)
        line = self.doctor(program, DOCKER_CERT_PATH=self.folder("other-engine", "other", "driver"))
        self.assertTrue(line.startswith("FAIL "), line)
        self.assertIn("certificate", line)

    def test_the_driver_says_what_is_not_there(self):
        svc = service.Service({"docker_host": f"tcp://127.0.0.1:{self.port}"}, ONLY)
        self.addCleanup(svc.close)
        with mock.patch.dict(os.environ, {"DOCKER_CERT_PATH": "/nonexistent"}), \
                self.assertRaisesRegex(AssertionError, "(?s)the service ended with 78.*/nonexistent/ca.pem"):
            svc.start()
        svc.process = None
