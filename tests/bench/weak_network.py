"""What of a call a weak network leaves: real speech through `ringline call` and an impaired path to a server that listens with
local models and answers by script. Prints a Markdown table.

    weak_network.py [--bin PATH] [--tier tiny] [--json OUT] [--markdown OUT] [--at-once N] [--calls N] [CELL ...]

A cell is usable if every call ends with every turn answered, the word error rate is at most 10 points above that of the calm
network, less than 5 % of the agent's speech is missing or waited for at the listener, and the 95th percentile of added latency
is below 500 ms. Wants root, `ip netns`, the speech models and Debian's pocketsphinx-testdata; says so and exits 0 without them.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from impairer import CALM, bursts, jitter, possible, random_loss
from namespaces import SERVER, ClientSide, ServerSide

ROOT = Path(__file__).resolve().parents[2]
SPEECH = Path("/usr/share/pocketsphinx/test/data/librivox")
#: What the agent says every time: about five seconds.
ANSWER = "That is a sentence of some length, so that there is enough to be lost on the way to you."
PATIENCE_S = 60
CALL_LIMIT_S = 400

#: What a usable call is; see above.
WER_POINTS, MISSING_SHARE, LATENCY_MS = 10.0, 0.05, 500


def steady(weather):
    """The same weather from before the call to its end."""
    return lambda side, over: side.path.set(weather)


def blackouts(side, over):
    """Three seconds without anything, every 25 s."""
    while not over.wait(22):
        side.path.set(replace(CALM, dead=True))
        over.wait(3)
        side.path.set(CALM)


def moves(side, over):
    """Another address every 25 s."""
    while not over.wait(25):
        side.move()


CELLS = {
    "calm": steady(CALM),
    "loss 5 %": steady(random_loss(0.05)),
    "loss 10 %": steady(random_loss(0.10)),
    "loss 20 %": steady(random_loss(0.20)),
    "loss 30 %": steady(random_loss(0.30)),
    "loss 50 %": steady(random_loss(0.50)),
    "bursts, 10 %, mean 3": steady(bursts(0.10, 3)),
    "bursts, 20 %, mean 5": steady(bursts(0.20, 5)),
    "jitter to 100 ms": steady(jitter(100)),
    "jitter to 300 ms": steady(jitter(300)),
    "jitter to 60 ms, reordered": steady(jitter(60, reorders=True)),
    "20 % lost, jitter to 100 ms": steady(replace(jitter(100), loss=0.20)),
    "blackouts of 3 s": blackouts,
    "changes of address": moves,
}


def words(text):
    return ["mister" if word == "mr" else word for word in re.findall(r"[a-z']+", text.lower())]


def sentences():
    """The WAV files and what is read in them."""
    read = []
    for line in (SPEECH / "transcription").read_text().splitlines():
        text, _, name = line.rpartition("(")
        wav = SPEECH / f"{name.rstrip(')')}.wav"
        read.append((wav, words(re.sub(r"<[^>]*>", " ", text))))
    return read


def edits(wanted, heard):
    """Words to change, leave out and put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for n, want in enumerate(wanted, 1):
        above, row[0] = row[0], n
        for m, got in enumerate(heard, 1):
            above, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, above + (want != got))
    return row[-1]


def percentile(values, percent):
    """Nearest rank; None of nothing."""
    ranked = sorted(values)
    return ranked[max(1, -(-len(ranked) * percent // 100)) - 1] if ranked else None


class Server:
    """A server in its namespace. It answers by script whatever it hears; `tier` says how it listens, None: by script, too."""

    def __init__(self, binary, side, folder, tier=None):
        script = folder / "script.toml"
        script.write_text(f'fallback = "{ANSWER}"\n[[turns]]\nhears = "Whatever it was."\nanswers = "{ANSWER}"\n')
        config = folder / "config.toml"
        scripted = "".join(f'[[{node}.providers]]\nprovider = "scripted"\n' for node in ("llm", "tts")) if tier else ""
        config.write_text(f'[models]\nscript = "{script}"\n{scripted}')
        models = ["local", "--tier", tier] if tier else ["scripted"]
        command = [binary, "serve", "--config", config, "--data", folder / "data", "--models", *models, "--ready-json"]
        command += ["--listen", f"{SERVER}:0", "--udp", f"{SERVER}:0", "--advertise", SERVER]
        self._log = folder / "server.log"
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(side.command(*command), stdout=subprocess.PIPE, stderr=log, text=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the server ended with {self._process.wait()}:\n{self._log.read_text()}")
        ready = json.loads(line)
        self.url, self.agent = ready["url"], ready["agent_id"]

    def stop(self):
        self._process.terminate()
        self._process.wait(30)
        self._process.stdout.close()


def call(binary, server, side, read):
    """The events of one call, and its exit code."""
    command = [binary, "call", "--url", server.url, "--agent", server.agent, "--json", "--patience", PATIENCE_S]
    for wav, _ in read:
        command += ["--wav", wav]
    run = subprocess.Popen(side.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, error = run.communicate(timeout=CALL_LIMIT_S)
    except subprocess.TimeoutExpired:
        run.kill()
        out, error = run.communicate()
    return [json.loads(line) for line in out.splitlines()], run.returncode, error.strip()


def measure(binary, server, server_side, name, behave, seed):
    """One call in one cell."""
    read = sentences()
    over = threading.Event()
    with ClientSide(server_side, seed) as side:
        weather = threading.Thread(target=behave, args=(side, over))
        weather.start()
        time.sleep(0.1)
        events, code, error = call(binary, server, side, read)
        over.set()
        weather.join()
        (up, up_lost), (down, down_lost) = side.path.counts()
    said = [e["message"]["data"] for e in events if e["event"] == "message" and e["message"]["type"] == 1003]
    heard = [word for data in said if data["end"] for word in words(data["text"])]
    wanted = [word for _, spoken in read for word in spoken]
    listening = next((e for e in events if e["event"] == "heard"), {})
    joined = next((e["t"] for e in events if e["event"] == "joined"), None)
    return {
        "cell": name,
        "completed": code == 0,
        "error": error if code else "",
        "joined_ms": joined,
        "answered": next((e["answered"] for e in events if e["event"] == "summary"), 0),
        "turns": len(read),
        "words": len(wanted),
        "word_errors": edits(wanted, heard),
        "voice_to_voice": {str(e["turn"]): e["ms"] for e in events if e["event"] == "voice_to_voice"},
        "speech_ms": listening.get("speech_ms", 0),
        "missing_ms": listening.get("missing_ms", 0),
        "waited_ms": listening.get("waited_ms", 0),
        "longest_gap_ms": listening.get("longest_gap_ms", 0),
        "delay_ms": listening.get("delay_ms", 0),
        "events": [e["event"] for e in events if e["event"] in EVENTS],
        "packets": {"up": up, "up_lost": up_lost, "down": down, "down_lost": down_lost},
    }


EVENTS = {"path_lost", "path_restored", "network_changed", "ice_restart", "restart_failed", "gave_up", "closed"}


def summarise(calls, calm):
    """The cell of these calls; `calm` are those of the calm network."""
    usual = {}
    for one in calm:
        for turn, ms in one["voice_to_voice"].items():
            usual.setdefault(turn, []).append(ms)
    usual = {turn: sum(all_ms) / len(all_ms) for turn, all_ms in usual.items()}
    added = [ms - usual[turn] for one in calls for turn, ms in one["voice_to_voice"].items() if turn in usual]
    total = lambda key: sum(one[key] for one in calls)
    speech = total("speech_ms")
    cell = {
        "cell": calls[0]["cell"],
        "calls": len(calls),
        "completed": sum(one["completed"] for one in calls),
        "answered": total("answered"),
        "turns": total("turns"),
        "wer_percent": 100 * total("word_errors") / total("words"),
        "added_latency_p50_ms": percentile(added, 50),
        "added_latency_p95_ms": percentile(added, 95),
        "gap_share": (total("missing_ms") + total("waited_ms")) / speech if speech else None,
        "missing_ms": total("missing_ms"),
        "waited_ms": total("waited_ms"),
        "speech_ms": speech,
        "longest_gap_ms": max(one["longest_gap_ms"] for one in calls),
        "listener_delay_ms": max(one["delay_ms"] for one in calls),
        "joined_ms": max((one["joined_ms"] for one in calls if one["joined_ms"] is not None), default=None),
    }
    base = 100 * sum(one["word_errors"] for one in calm) / sum(one["words"] for one in calm)
    cell["usable"] = (
        cell["completed"] == cell["calls"]
        and cell["wer_percent"] <= base + WER_POINTS
        and cell["gap_share"] is not None
        and cell["gap_share"] < MISSING_SHARE
        and cell["added_latency_p95_ms"] < LATENCY_MS
    )
    return cell


def table(cells):
    """Markdown."""
    lines = [
        "| network | calls complete | turns answered | word errors | added latency p50 / p95, ms | agent's speech not heard | longest gap, ms | usable |",
        "|---|---|---|---|---|---|---|---|",
    ]
    number = lambda value, form: "–" if value is None else format(value, form)
    for cell in cells:
        lines.append(
            f"| {cell['cell']} | {cell['completed']} of {cell['calls']} | {cell['answered']} of {cell['turns']}"
            f" | {cell['wer_percent']:.1f} %"
            f" | {number(cell['added_latency_p50_ms'], '.0f')} / {number(cell['added_latency_p95_ms'], '.0f')}"
            f" | {number(cell['gap_share'], '.1%')} | {cell['longest_gap_ms']}"
            f" | {'yes' if cell['usable'] else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release" / "ringline")
    parser.add_argument("--tier", default="tiny")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--at-once", type=int, default=3, help="calls at once")
    parser.add_argument("--calls", type=int, default=3, help="calls in each cell")
    parser.add_argument("cells", nargs="*", metavar="CELL", help=f"some of: {'; '.join(CELLS)}")
    asked = parser.parse_args()
    unknown = set(asked.cells) - set(CELLS)
    if unknown:
        parser.error(f"there is no cell {', '.join(sorted(unknown))}")
    reason = possible() or (None if SPEECH.is_dir() else "the speech of Debian's pocketsphinx-testdata is not installed")
    if reason:
        print(f"SKIPPED: {reason}")
        return
    names = [name for name in CELLS if not asked.cells or name in asked.cells or name == "calm"]
    with tempfile.TemporaryDirectory(prefix="ringline-weak-") as folder, ServerSide() as server_side:
        server = Server(asked.bin, server_side, Path(folder), asked.tier)
        calls = {name: [] for name in names}
        with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
            jobs = {
                pool.submit(measure, asked.bin, server, server_side, name, CELLS[name], 7 + 100 * n): name
                for n in range(asked.calls)
                for name in names
            }
            for job in concurrent.futures.as_completed(jobs):
                calls[jobs[job]].append(job.result())
                print(json.dumps(job.result()), file=sys.stderr, flush=True)
        server.stop()
    cells = [summarise(calls[name], calls["calm"]) for name in names]
    text = f"{asked.calls} calls of {len(sentences())} turns in each row.\n\n{table(cells)}"
    result = {"cells": cells, "calls": calls, "load": os.getloadavg()[0], "tier": asked.tier}
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(result, indent=1))
    if asked.markdown:
        asked.markdown.parent.mkdir(parents=True, exist_ok=True)
        asked.markdown.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
