"""What the groups share: rows, child processes, HTTP calls, the `bench` program."""

import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEVNET = ROOT / "Tools" / "devnet"
PYTHON = pathlib.Path(os.environ.get("DEVNET_VENV", DEVNET / ".venv")) / "bin" / "python"
TOCSIN = pathlib.Path(os.environ.get("TOCSIN", ROOT / ".build" / "release" / "tocsin")).resolve()
PACKAGE = ROOT / "Benchmarks"


class Failure(Exception):
    """Something that the person at the terminal should read."""


def say(text):
    """Progress, for whoever watches."""
    print(text, file=sys.stderr, flush=True)


def row(name, value, unit, floor=None):
    """A figure; the ratio is the value over the floor, whichever way is better."""
    return {
        "name": name, "value": rounded(value), "unit": unit, "floor": None if floor is None else rounded(floor),
        "ratio": None if not floor else rounded(value / floor)}


def rounded(number):
    """Four digits that mean something; whole above a thousand."""
    if abs(number) >= 1000:
        return round(number)
    return float(f"{number:.4g}")


def interleaved(repeats, value, floor):
    """Runs both in turn, so that whatever else the machine does strikes both; the lists of their results."""
    values, floors = [], []
    for _ in range(repeats):
        values.append(value())
        floors.append(floor())
    return values, floors


median = statistics.median


class Children:
    """The programs that a group started; they end with it, each by its own id."""

    def __init__(self):
        self.started = []

    def pid(self, name):
        """The id of the program that was started last under `name`."""
        return next(process.pid for other, process in reversed(self.started) if other == name)

    def start(self, name, command, environment=None, log=None, **options):
        """Starts a program whose standard output can be read line by line; `log` takes standard error."""
        process = subprocess.Popen(
            [str(part) for part in command], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open(log, "a") if log else subprocess.DEVNULL, env={**clean_environment(), **(environment or {})},
            **options)
        self.started.append((name, process))
        return process

    def ready(self, name, command, log, **options):
        """Starts a program that says in its first line, as JSON, where it listens."""
        process = self.start(name, command, log=log, **options)
        line = process.stdout.readline()
        if not line:
            raise Failure(f"{name} did not start:\n{tail(log)}")
        drain(process)
        return json.loads(line)

    def end(self, process, limit=30):
        """Ends one program."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.started = [(name, other) for name, other in self.started if other is not process]

    def stop(self):
        for _, process in reversed(list(self.started)):
            self.end(process)


def cpu_seconds(pid):
    """What a process has used of the cores so far, its children not included."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """How busy processes are, by name, from now on."""

    def __init__(self, **processes):
        self.processes = {name: (pid, cpu_seconds(pid)) for name, pid in processes.items()}

    def over(self, seconds):
        """The cores that each used, as text."""
        used = {name: (cpu_seconds(pid) - before) / seconds for name, (pid, before) in self.processes.items()}
        return ", ".join(f"{name} {share:.2f}" for name, share in used.items())


def drain(process):
    """Reads the rest of a program's output, so that it never waits for us."""
    threading.Thread(target=process.stdout.read, daemon=True).start()


def clean_environment():
    """The environment without what would set up Tocsin or libpq behind our back."""
    prefixes = ("TOCSIN", "DB_", "DATABASE_", "PG", "CHAINS_FILE", "ROLES", "EGRESS", "SERVER_", "TELEGRAM_", "LOG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def tail(log, size=2000):
    """The end of a log."""
    try:
        return pathlib.Path(log).read_text(errors="replace")[-size:]
    except OSError:
        return ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, token=None, timeout=15):
    """One HTTP call; the status and the JSON of the answer."""
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, {"text": text}


def expect(status, answer, what):
    """The JSON of an answer of `status`."""
    if answer[0] != status:
        raise Failure(f"{what}: expected {status}, got {answer[0]}: {json.dumps(answer[1])[:500]}")
    return answer[1]


def wait_for(condition, limit, what, pause=0.002, process=None, log=None):
    """Asks `condition` again and again until it holds; its answer."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        if process is not None and process.poll() is not None:
            raise Failure(f"{what}: the process ended with {process.returncode}\n{tail(log)}")
        time.sleep(pause)
    raise Failure(f"{what}: not within {limit} s\n{tail(log) if log else ''}")


def rpc(url, method, *params):
    """One JSON-RPC call."""
    answer = expect(200, call(
        "POST", url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, timeout=300), method)
    if "error" in answer:
        raise Failure(f"{method}: {answer['error']}")
    return answer["result"]


class Bench:
    """The program that measures in process; built once for a run."""

    path = None

    @classmethod
    def build(cls):
        if cls.path is None:
            say("building bench …")
            command = ["swift", "build", "-c", "release", "--package-path", str(PACKAGE), "--product", "bench"]
            done = subprocess.run(command, text=True, capture_output=True)
            if done.returncode != 0:
                raise Failure(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-3000:]}")
            shown = subprocess.run([*command, "--show-bin-path"], text=True, capture_output=True, check=True)
            cls.path = pathlib.Path(shown.stdout.strip().splitlines()[-1]) / "bench"
        return cls.path

    @classmethod
    def run(cls, *arguments, limit=300):
        """The JSON that a subcommand prints."""
        command = [str(cls.build()), *map(str, arguments)]
        try:
            done = subprocess.run(command, text=True, capture_output=True, timeout=limit, env=clean_environment())
        except subprocess.TimeoutExpired:
            raise Failure(f"bench {' '.join(command[1:])} took more than {limit} s")
        if done.returncode != 0:
            raise Failure(f"bench {' '.join(command[1:])}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])
