"""A private PostgreSQL cluster on a Unix socket, durable as in production, and a connection to it."""

import ctypes
import glob
import os
import pathlib
import pwd
import select
import shutil
import signal
import subprocess
import time
import urllib.parse

from .support import Failure, clean_environment, tail

SETTINGS = {
    "listen_addresses": "", "max_connections": "100", "shared_buffers": "256MB", "max_wal_size": "4GB",
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "timezone": "UTC",
}


def binary(name):
    """The newest installed server's program `name`."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    path = found[-1] if found else shutil.which(name)
    if not path:
        raise Failure(f"PostgreSQL's {name} is missing: run `Tools/setup`")
    return path


class Cluster:
    """A server in `directory`, which everybody may enter. As root it runs as the user postgres."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / "postgres"
        self.log = pathlib.Path(directory) / "postgres.log"
        self.user = {}
        self.directory.mkdir()
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self.user = {"user": "postgres", "group": owner.pw_gid, "extra_groups": []}
        data = self.directory / "data"
        self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        settings = {**SETTINGS, "unix_socket_directories": str(self.directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.server = subprocess.Popen(
            [binary("postgres"), "-D", str(data), *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.log, "w"), cwd=self.directory, env=clean_environment(), **self.user)
        try:
            self._run("pg_isready", "-t", "30", "-h", self.directory, tries=100)
        except Failure:
            self.stop()
            raise

    def _run(self, program, *arguments, tries=1):
        for attempt in range(tries):
            done = subprocess.run(
                [binary(program), *map(str, arguments)], text=True, capture_output=True, cwd=self.directory,
                env=clean_environment(), **self.user)
            if done.returncode == 0:
                return
            if attempt + 1 < tries:
                try:
                    self.server.wait(timeout=0.1)
                    break
                except subprocess.TimeoutExpired:
                    pass
        raise Failure(f"{program}: {done.stdout[-500:]}{done.stderr[-1000:]}{tail(self.log)}")

    def create(self, database):
        """Makes `database` anew."""
        with SQL(self, "postgres") as sql:
            sql.ask(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            sql.ask(f"CREATE DATABASE {database}")

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={urllib.parse.quote(str(self.directory), safe='')}"

    def options(self, database):
        """How libpq's programs find `database`."""
        return ["-h", str(self.directory), "-U", "postgres", database]

    def stop(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait(timeout=60)


class SQL:
    """A connection, through a psql that stays."""

    MARK = "\x01done"

    def __init__(self, cluster, database):
        self.process = subprocess.Popen(
            [binary("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *cluster.options(database)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment(),
            cwd=cluster.directory)

    def ask(self, text):
        """The rows of `text`, each a list of texts."""
        return [line.split("|") for line in self.run(text.rstrip().rstrip(";") + ";")]

    def run(self, text):
        """What psql says to `text`, which may be one of its own commands."""
        try:
            self.process.stdin.write(f"{text}\n\\echo {self.MARK}\n")
            self.process.stdin.flush()
        except OSError:
            pass
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == self.MARK:
                return lines
            lines.append(line.rstrip("\n"))
        raise Failure("psql: " + " ".join(lines)[-1000:])

    def value(self, text):
        """The first column of the first row; None without one."""
        rows = self.ask(text)
        return rows[0][0] if rows else None

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Notifications:
    """What is notified on a channel, over a connection of its own, with the microsecond of each arrival."""

    class _Notice(ctypes.Structure):
        _fields_ = [("channel", ctypes.c_char_p), ("pid", ctypes.c_int), ("payload", ctypes.c_char_p)]

    def __init__(self, cluster, database, channel):
        pq = self.pq = ctypes.CDLL("libpq.so.5")
        pq.PQconnectdb.restype = pq.PQexec.restype = ctypes.c_void_p
        pq.PQnotifies.restype = ctypes.POINTER(self._Notice)
        for call in (pq.PQstatus, pq.PQsocket, pq.PQconsumeInput, pq.PQnotifies, pq.PQfinish, pq.PQclear, pq.PQfreemem):
            call.argtypes = [ctypes.c_void_p]
        pq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.connection = pq.PQconnectdb(cluster.url(database).encode())
        if pq.PQstatus(self.connection) != 0:
            raise Failure("no connection for notifications")
        pq.PQclear(pq.PQexec(self.connection, f"LISTEN {channel}".encode()))
        self.arrived = []

    def wait(self, limit):
        """The next arrival: microseconds since 1970 and the payload."""
        while not self.arrived:
            if not select.select([self.pq.PQsocket(self.connection)], [], [], limit)[0]:
                raise Failure(f"no notification within {limit} s")
            now = time.time_ns() // 1000
            if self.pq.PQconsumeInput(self.connection) != 1:
                raise Failure("the connection for notifications broke")
            while notice := self.pq.PQnotifies(self.connection):
                self.arrived.append((now, notice.contents.payload.decode()))
                self.pq.PQfreemem(notice)
        return self.arrived.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pq.PQfinish(self.connection)
