"""Tocsin, its node and its receiver as the groups start them."""

import json
import pathlib
import secrets
import subprocess

from .support import DEVNET, PYTHON, TOCSIN, Failure, call, clean_environment, drain, expect, free_port, tail, wait_for


class Workplace:
    """A group's directory, programs and cluster, and how Tocsin is run in it."""

    def __init__(self, directory, children, cluster=None):
        self.directory, self.children, self.cluster = pathlib.Path(directory), children, cluster

    def log(self, name):
        return self.directory / f"{name}.log"

    def devnet(self, *options):
        """Starts a node; its ready line."""
        self._check_python()
        return self.children.ready(
            "devnet", [PYTHON, DEVNET / "devnet.py", "--port", 0, *options], self.log("devnet"), cwd=DEVNET)

    def receiver(self, *options):
        """Starts a webhook receiver; its URL."""
        self._check_python()
        return self.children.ready(
            "webhook receiver", [PYTHON, DEVNET / "receivers" / "webhook.py", "--port", 0, *options],
            self.log("receiver"), cwd=DEVNET)["url"]

    def control(self, node, *arguments):
        """Runs devnetctl; its JSON."""
        done = subprocess.run(
            [str(PYTHON), "devnetctl.py", "--rpc", node["rpc_url"], *map(str, arguments)], cwd=DEVNET, text=True,
            capture_output=True, timeout=600)
        if done.returncode != 0:
            raise Failure(f"devnetctl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def chains(self, node=None, *urls, poll=100):
        """Writes chains.json for `node`, or for a chain that nobody serves."""
        node = node or {
            "chain_id": 1, "rpc_url": "http://127.0.0.1:9",
            "registries": {name: "0x" + f"8004000000000000000000000000000{place}00008004"
                           for place, name in enumerate(("identity", "reputation", "validation"), 1)}}
        path = self.directory / "chains.json"
        path.write_text(json.dumps({"chains": [{
            "chain_id": node["chain_id"], "name": "Bench", "enabled": True, "rpc_urls": list(urls) or [node["rpc_url"]],
            "poll_interval_ms": poll, "confirmations": 4, "finality": "tags",
            "registries": {name: {"address": address, "start_block": 0}
                           for name, address in node["registries"].items()}}]}))

    def environment(self, database, roles, port):
        environment = {
            "TOCSIN_DATA_DIR": str(self.directory / "tocsin"), "CHAINS_FILE": str(self.directory / "chains.json"),
            "SERVER_HOST": "127.0.0.1", "SERVER_PORT": str(port), "EGRESS_ALLOW": "127.0.0.0/8", "LOG_FORMAT": "text",
        }
        if roles:
            environment["ROLES"] = roles
        if database:
            environment["DATABASE_URL"] = self.cluster.url(database)
        return environment

    def migrate(self, database):
        """Makes `database` with Tocsin's schema."""
        self.cluster.create(database)
        self.tocsin(database, "migrate")

    def tocsin(self, database, *arguments):
        """Runs a command of tocsin to its end; what it prints."""
        done = subprocess.run(
            [str(TOCSIN), *map(str, arguments)], env={**clean_environment(), **self.environment(database, None, 0)},
            text=True, capture_output=True, timeout=120)
        if done.returncode != 0:
            raise Failure(f"tocsin {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def serve(self, database=None, roles=None):
        """Starts `tocsin serve`, ready or, without the API, merely started."""
        port = free_port()
        process = self.children.start(
            "tocsin", [TOCSIN, "serve"], self.environment(database, roles, port), self.log("tocsin"))
        drain(process)
        server = Server(process, f"http://127.0.0.1:{port}")
        if roles is None or "api" in roles:
            wait_for(server.is_ready, 60, "tocsin is not ready", 0.05, process, self.log("tocsin"))
        return server

    def _check_python(self):
        if not PYTHON.exists():
            raise Failure(f"{PYTHON} is missing: run `Tools/setup python`")


class Server:
    """A running Tocsin."""

    def __init__(self, process, url):
        self.process, self.url, self.token = process, url, None

    def is_ready(self):
        try:
            return call("GET", f"{self.url}/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def register(self):
        """Makes an account; from then on calls are its."""
        name = "bench" + secrets.token_hex(4)
        answer = expect(201, call("POST", f"{self.url}/api/v1/auth/register", {
            "username": name, "email": f"{name}@example.com", "password": secrets.token_urlsafe(16)}), "registering")
        self.token = answer["token"]

    def create(self, trigger):
        """Creates a trigger; what the API answers."""
        answer = call("POST", f"{self.url}/api/v1/triggers", trigger, self.token)
        return expect(201, answer, "creating a trigger")["data"]


def check_built():
    if not TOCSIN.exists():
        raise Failure(f"{TOCSIN} is missing: run `make build` first")
