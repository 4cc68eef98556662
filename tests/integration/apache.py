# SPDX-License-Identifier: MIT
"""
A real Apache2 on loopback, set up as Debian does it: its apache2.conf and modules, in a directory
of its own, and the files that this project ships, in each of the ways that its documents show.

	with Apache("cgid", socket_path) as apache:
	    apache.http("docroot").post("/executor/submit", ...)
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from client import Http
from service import BUILD, ROOT, free_port, read, until

DEBIAN = "/etc/apache2"
# What a fresh installation has, but for the module of how it works (mpm_*).
MODULES = ("access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user "
           "autoindex deflate dir env filter mime negotiation reqtimeout setenvif status").split()
# With these modules besides, the program is run, or the gateway reached.
KINDS = {
    "cgid": ["mpm_event", "cgid", "rewrite"],
    "cgi": ["mpm_prefork", "cgi"],
    "proxy": ["mpm_event", "proxy", "proxy_http", "headers"],
}
# The website's folder that has the two files, for each placement.
PLACEMENTS = {"docroot": "", "subfolder": "tools", "folder": "executor"}
OVERRIDE = "FileInfo Options=ExecCGI"  # as cgi-bin/.htaccess says
PAGES = {"index.html": "<p>the site</p>\n", "style.css": "p { color: red }\n",
         "script.js": "let executor;\n", "image.png": "\x89PNG\n", "run.cgi": "#!/bin/sh\necho no\n",
         "executor.html": "<p>about it</p>\n", "sub/page.html": "<p>below</p>\n",
         "sub/notes.txt": "executor\n"}


class Below(Http):
    """All below a path of the server. Apache may want a folder's last slash of those that GET."""

    def __init__(self, address, base):
        super().__init__(address)
        self.base = base

    def request(self, method, target, body=None, headers=None, timeout=60):
        reply = super().request(method, self.base + target, body, headers, timeout)
        if reply.status == 301 and method in ("GET", "HEAD"):
            target = reply.headers["Location"].split(f":{self.address[1]}", 1)[1]
            reply = super().request(method, target, body, headers, timeout)
        return reply


class Apache:
    def __init__(self, kind, socket_path, more=""):
        """`more`: directives for all its websites."""
        self.kind, self.socket_path, self.more = kind, socket_path, more
        self.directory = tempfile.mkdtemp(prefix="dockgate-apache-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.process = None
        self.ports = {}

    # ---- its files --------------------------------------------------------------------------

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        os.chmod(path, mode)

    def enable_modules(self):
        os.makedirs(self.path("mods-enabled"))
        for name in MODULES + KINDS[self.kind]:
            for suffix in (".load", ".conf"):
                source = os.path.join(DEBIAN, "mods-available", name + suffix)
                if os.path.exists(source):
                    os.symlink(source, self.path("mods-enabled", name + suffix))

    def place(self, name):
        """A website with the two files in one of its folders."""
        root = f"www/{name}"
        for page, text in PAGES.items():
            self.write(f"{root}/{page}", text, 0o755)
        folder = self.path(root, PLACEMENTS[name])
        os.makedirs(folder, exist_ok=True)
        if name == "folder":
            for page in ("style.css", "run.cgi", "deep/page.html"):
                self.write(f"{root}/executor/{page}", f"folder {page}", 0o755)
        shutil.copy(os.path.join(ROOT, "cgi-bin", ".htaccess"), folder)
        shutil.copy(os.path.join(BUILD, "executor"), folder)
        os.chmod(os.path.join(folder, "executor"), 0o755)
        return self.path(root)

    def shipped(self, name):
        """A file of conf-available, with the installed paths made the test's."""
        text = read(os.path.join(BUILD, "deploy", "apache", name)).decode()
        self.write("lib/placeholder", "")
        shutil.copy(os.path.join(BUILD, "executor"), self.path("lib"))
        text = re.sub(r'[^ "]*/lib/dockgate/cgi-bin', self.path("lib"), text)
        return text.replace("/run/dockgate/dockgate.sock", self.socket_path)

    def site(self, name, root, text=""):
        port = self.ports[name] = free_port()
        self.write(f"sites-enabled/{name}.conf", f"""
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
	ServerName localhost
	DocumentRoot "{root}"
	<Directory "{root}">
		Options FollowSymLinks
		AllowOverride {OVERRIDE}
		Require all granted
	</Directory>
	{text}
	{self.more}
</VirtualHost>
""")

    def configure(self):
        shutil.copy(os.path.join(DEBIAN, "apache2.conf"), self.directory)
        shutil.copy(os.path.join(DEBIAN, "magic"), self.directory)
        self.write("ports.conf", "")
        for name in ("run/socks", "lock", "log", "conf-enabled", "www/plain"):
            os.makedirs(self.path(name))
        self.write("conf-enabled/name.conf", "ServerName localhost\n")
        self.enable_modules()
        if self.kind == "proxy":
            self.write("conf-enabled/dockgate-proxy.conf", self.shipped("dockgate-proxy.conf"))
            self.site("proxy", self.path("www/plain"))
            return
        where = f"SetEnv DOCKGATE_SOCKET {self.socket_path}"
        # Not in conf-enabled: what is there holds for all websites.
        self.site("conf", self.path("www/plain"), where + "\n" + self.shipped("dockgate.conf"))
        for name in PLACEMENTS:
            if name == "folder" and "rewrite" not in KINDS[self.kind]:
                continue
            self.site(name, self.place(name), where)

    # ---- its life ----------------------------------------------------------------------------

    def command(self, *words):
        return ["/usr/sbin/apache2", "-d", self.directory, "-f", self.path("apache2.conf"), *words]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C",
                "APACHE_RUN_USER": "www-data", "APACHE_RUN_GROUP": "www-data",
                "APACHE_PID_FILE": self.path("run/apache2.pid"), "APACHE_RUN_DIR": self.path("run"),
                "APACHE_LOCK_DIR": self.path("lock"), "APACHE_LOG_DIR": self.path("log")}

    def log(self):
        path = self.path("log/error.log")
        return read(path).decode(errors="replace") if os.path.exists(path) else ""

    def __enter__(self):
        self.configure()
        os.chmod(self.path("run"), 0o755)
        shutil.chown(self.path("run/socks"), "www-data")
        self.process = subprocess.Popen(self.command("-DFOREGROUND"), env=self.environment(),
                                        cwd="/", stdin=subprocess.DEVNULL, start_new_session=True)
        for _ in until(30):
            if self.process.poll() is not None:
                raise AssertionError(f"Apache ended with {self.process.returncode}\n{self.log()}")
            try:
                for name in self.ports:
                    self.http(name).socket().close()
                return self
            except OSError:
                continue
        raise AssertionError(f"Apache does not listen\n{self.log()}")

    def __exit__(self, *_):
        serving = self.log()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        # The web server's own processes may not fall while they serve. That one falls as it is
        # told to end, with requests still open, happens to its event MPM by itself.
        if "exit signal" in serving:
            raise AssertionError(log)
        for sign in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
            if sign in log:
                raise AssertionError(log)

    def http(self, way):
        """The website of that way; targets are /executor... wherever that is."""
        return Below(("127.0.0.1", self.ports[way]), "/tools" if way == "subfolder" else "")
