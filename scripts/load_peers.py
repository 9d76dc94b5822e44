#!/usr/bin/env python3
"""What others make of the same events, on the same machine: `load_peers.py FOLDER SECONDS OMEGA JSON`.

SQLite: WAL, synchronous=FULL, a hash chain over the rows, 1,000 rows a transaction, in this process:
no network stands between, and the hash is SHA-256 of Python's library. NATS JetStream: file store,
publishing 1,000 at a time and waiting for all their acknowledgements; unless told otherwise it
acknowledges before the disk has them. OMEGA and JSON are the rates that the node reached.
"""
import asyncio
import hashlib
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

EVENTS = 1000
PAYLOAD = bytes(range(256))


def row(name, done, seconds, times, ours, note):
    times.sort()
    at = [1000 * times[min(len(times) - 1, len(times) * percent // 100)] for percent in (50, 99, 100)]
    rate = done / seconds
    ratios = "omega/it %.2f, json/it %.2f" % tuple(own / rate for own in ours)
    print("%-34s %12.0f %9.1f %9.1f %9.1f  %s; %s" % (name, rate, *at, ratios, note), flush=True)


def sqlite(folder, seconds):
    base = sqlite3.connect(folder / "peer.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, payload BLOB, chain BLOB)")
    chain, done, times = bytes(32), 0, []
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        at = time.monotonic()
        rows = []
        for number in range(done, done + EVENTS):
            payload = number.to_bytes(8, "little") + PAYLOAD[8:]
            chain = hashlib.sha256(chain + payload).digest()
            rows.append((number, payload, chain))
        base.execute("BEGIN")
        base.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
        base.execute("COMMIT")
        done += EVENTS
        times.append(time.monotonic() - at)
    return done, time.monotonic() - begun, times


async def jetstream(port, seconds):
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream(publish_async_max_pending=4 * EVENTS)
    await stream.add_stream(name="events", subjects=["event"])
    done, times = 0, []
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        at = time.monotonic()
        sent = [await stream.publish_async("event", done.to_bytes(8, "little") + PAYLOAD[8:]) for _ in range(EVENTS)]
        await asyncio.gather(*sent)
        done += EVENTS
        times.append(time.monotonic() - at)
    took = time.monotonic() - begun
    await client.close()
    return done, took, times


def with_nats(folder, seconds):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = folder / "jetstream"
    command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(store)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        return asyncio.run(jetstream(port, seconds))
    finally:
        server.kill()
        server.wait()


def main():
    folder, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    ours = [float(rate) for rate in sys.argv[3:5]]
    row("SQLite, 1,000 a transaction", *sqlite(folder, seconds), ours, "in process")
    if shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin") is None:
        print("skipped: NATS JetStream: no nats-server (Debian: apt-get install nats-server)")
        return
    row("NATS JetStream, 1,000 at a time", *with_nats(folder, seconds), ours, "may acknowledge before the disk")


main()
