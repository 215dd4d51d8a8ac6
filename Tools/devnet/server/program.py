"""What the receivers' command lines have in common."""

import argparse
import asyncio
import gc
import json
import signal
import sys

import uvloop

from .http import Server


def parser(description: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    options.add_argument("--ledger", metavar="FILE", help="append what is received, one JSON object a line")
    return options


def base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def until_stopped(server: Server, ready: dict) -> None:
    """Prints the ready line, then serves until the process is told to end."""
    gc.collect()
    gc.freeze()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    print(json.dumps(ready), flush=True)
    await stopped.wait()
    await server.close()


def main(name: str, service) -> None:
    try:
        uvloop.run(service)
    except OSError as error:
        sys.exit(f"{name}: {error.strerror or error}")
