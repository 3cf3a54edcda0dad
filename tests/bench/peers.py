"""Ringline and Pipecat in the same run: the same client, the same speech, equally scripted services, one after the other on the
same machine, again and again. The server has one core, the client another.

    peers.py [--pairs 5] [--calls 4] [--hold 20] [--json OUT] [--markdown OUT] [--only pairs|limits]

Pairs: every contestant in turn with the same number of calls, so that what the machine's neighbours do meets all of them alike.
Limits: each contestant with ever more calls until one of these fails: all calls end well, every turn is answered, at most 1 % of
the audio frames come more than 20 ms late, none is lost, and the server's core is less than fully busy.

Wants target/release/ringline and ringline-bench, the speech models for the contestant with Silero, and PyPI for Pipecat.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SPEECH = Path("/usr/share/pocketsphinx/test/data/librivox")
SERVER_CORE, CLIENT_CORE = "0", "1"
#: Longest start of a server, in s: Pipecat imports, Ringline loads models.
START_S = 120

LATE_SHARE = 0.01


class Ringline:
    """`vad`: earshot, which the scripted models use, or Silero, which the local ones do."""

    def __init__(self, vad):
        self.name = f"Ringline, {vad}"
        self._models = "local" if vad == "Silero" else "scripted"
        self.steps = [10, 25, 50, 75, 100, 125, 150, 175, 200, 250, 300]

    def command(self, release, folder):
        nodes = ("asr", "llm", "tts") if self._models == "local" else ()
        scripted = "".join(f'[[{node}.providers]]\nprovider = "scripted"\n' for node in nodes)
        config = f'[models]\nscript = "{folder}/script.toml"\n[recording]\nenabled = false\n[media]\nmax_calls = 2000\n{scripted}'
        (folder / "config.toml").write_text(config)
        data = tempfile.mkdtemp(dir=folder)
        command = [release / "ringline", "serve", "--config", folder / "config.toml", "--data", data, "--ready-json"]
        command += ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--models", self._models]
        return command + (["--tier", "tiny"] if self._models == "local" else [])

    @staticmethod
    def target(ready, process):
        return ["--ready", json.dumps(ready), "--server", str(process)]


class Pipecat:
    """`vad`: silero, or energy for none at all."""

    def __init__(self, vad, label):
        self.name = f"Pipecat, {label}"
        self._vad = vad
        self.steps = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16]

    def command(self, _release, folder):
        server = HERE / "pipecat" / "server.py"
        return [HERE / ".venv" / "bin" / "python", server, "--vad", self._vad, "--script", folder / "script.toml"]

    @staticmethod
    def target(ready, _process):
        servers = [argument for process in ready["processes"] for argument in ("--server", str(process))]
        return ["--offer-url", ready["offer_url"], *servers]


CONTESTANTS = [
    Ringline("earshot"),
    Pipecat("energy", "no VAD"),
    Ringline("Silero"),
    Pipecat("silero", "Silero"),
]


def text(arguments):
    return [str(argument) for argument in arguments]


def wavs():
    return [argument for wav in sorted(SPEECH.glob("*.wav")) for argument in ("--wav", str(wav))]


def measure(contestant, release, folder, calls, ramp, hold):
    """The client's report of one run against a fresh server."""
    log = open(folder / "server.log", "w")
    command = ["taskset", "-c", SERVER_CORE, *contestant.command(release, folder)]
    server = subprocess.Popen(text(command), stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = server.stdout.readline()
        if not line:
            raise SystemExit(f"{contestant.name} did not start:\n{(folder / 'server.log').read_text()}")
        target = contestant.target(json.loads(line), server.pid)
        client = ["taskset", "-c", CLIENT_CORE, release / "ringline-bench", "calls", *target, *wavs(), "--json"]
        client += ["--script", folder / "script.toml", "--calls", calls, "--ramp", ramp, "--hold", hold]
        run = subprocess.run(text(client), capture_output=True, text=True, timeout=ramp + hold + START_S)
        if not run.stdout.strip():
            raise SystemExit(f"the client failed at {contestant.name}:\n{run.stderr}")
        return json.loads(run.stdout)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def fails(report):
    """Why the run is above the contestant's limit; none if it is not."""
    audio, turns = report["audio"], report["turns"]
    reasons = []
    if report["failures"]:
        reasons.append(f"{sum(report['failures'].values())} calls failed")
    if turns["unanswered"] or not turns["answered"]:
        reasons.append(f"{turns['unanswered']} of {turns['spoken']} turns unanswered")
    if audio["late_over_20_ms"] > LATE_SHARE * max(1, audio["frames"]):
        reasons.append(f"{audio['late_over_20_ms'] / max(1, audio['frames']):.1%} of the frames late")
    if audio["lost"]:
        reasons.append(f"{audio['lost']} frames lost")
    if report["server"]["core_share"] > 0.98:
        reasons.append(f"{report['server']['core_share']:.0%} of a core")
    return reasons


def pairs(release, folder, count, calls, hold):
    """Every contestant `count` times, in turns."""
    runs = {contestant.name: [] for contestant in CONTESTANTS}
    for number in range(count):
        for contestant in CONTESTANTS:
            report = measure(contestant, release, folder, calls, calls // 2, hold)
            runs[contestant.name].append(report)
            used = report["server"]["cpu_s_per_call_minute"]
            print(f"pair {number + 1}: {contestant.name}: {used:.3f} CPU-s a call-minute", file=sys.stderr, flush=True)
    return runs


def limits(release, folder, hold):
    """For each contestant the reports up to the first that fails."""
    found = {}
    for contestant in CONTESTANTS:
        steps = []
        for calls in contestant.steps:
            report = measure(contestant, release, folder, calls, max(2, calls // 10), hold)
            reasons = fails(report)
            steps.append({"calls": calls, "fails": reasons, "report": report})
            share = report["server"]["core_share"]
            print(f"{contestant.name}: {calls} calls, {share:.0%} of a core: {reasons or 'good'}", file=sys.stderr, flush=True)
            if reasons:
                break
        found[contestant.name] = steps
    return found


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "n": len(values)}


def summarise(runs, found):
    """The figures of each contestant, and the ratios between those with the same VAD."""
    figures = {}
    for name, reports in runs.items():
        of = lambda get: spread([value for report in reports if (value := get(report)) is not None])
        figures[name] = {
            "cpu_s_per_call_minute": of(lambda r: r["server"]["cpu_s_per_call_minute"]),
            "calls_per_core_by_cpu": of(lambda r: 60 / r["server"]["cpu_s_per_call_minute"]),
            "response_p50_ms": of(lambda r: r["response_ms"] and r["response_ms"]["p50"]),
            "response_p95_ms": of(lambda r: r["response_ms"] and r["response_ms"]["p95"]),
            "first_sample_p50_ms": of(lambda r: r["setup_ms"]["first_sample"] and r["setup_ms"]["first_sample"]["p50"]),
            "barge_in_p50_ms": barge_in(reports),
            "memory_mb": of(lambda r: r["server"]["memory_mb"]),
            "memory_before_mb": of(lambda r: r["server"]["memory_before_mb"]),
        }
    for name, steps in found.items():
        good = [step for step in steps if not step["fails"]]
        limit = figures.setdefault(name, {})
        limit["limit_calls"] = max((step["calls"] for step in good), default=0)
        limit["limit_reached"] = bool(steps and steps[-1]["fails"])
        limit["limit_because"] = steps[-1]["fails"] if steps else []
        if good:
            limit["at_limit"] = {
                "core_share": good[-1]["report"]["server"]["core_share"],
                "cpu_s_per_call_minute": good[-1]["report"]["server"]["cpu_s_per_call_minute"],
            }
    return {"contestants": figures, "ratios": [ratio(runs, figures, *names) for names in ratios_of()]}


def barge_in(reports):
    medians = [report["barge_in_ms"]["p50"] for report in reports if report["barge_in_ms"]]
    return spread(medians) if medians else None


def ratios_of():
    (earshot, energy, ours, theirs) = (contestant.name for contestant in CONTESTANTS)
    return [(energy, earshot), (theirs, ours), (theirs, earshot)]


def ratio(runs, figures, theirs, ours):
    """How many times the CPU of `ours` `theirs` takes: pair by pair, and at each one's limit."""
    found = {"of": theirs, "to": ours}
    if runs.get(theirs) and runs.get(ours):
        used = lambda report: report["server"]["cpu_s_per_call_minute"]
        found["cpu_at_equal_calls"] = spread([used(a) / used(b) for a, b in zip(runs[theirs], runs[ours], strict=True)])
    limits = [figures.get(name, {}).get("limit_calls") for name in (theirs, ours)]
    if all(limits):
        found["calls_at_the_limit"] = limits[1] / limits[0]
    return found


def markdown(result):
    """The section of docs/benchmarks.md."""
    figures, conditions = result["contestants"], result["conditions"]
    cell = lambda value, form: "–" if value is None else f"{value['median']:{form}} ({value['least']:{form}}–{value['most']:{form}})"
    lines = [
        f"{conditions['pairs']} runs of each in turn with {conditions['calls']} calls, {conditions['hold_s']} s each; medians, and least and most"
        " in brackets. The limit is the last step of a ramp at which all calls and turns went well and at most 1 % of the frames"
        " came more than 20 ms late.",
        "",
        "| server | CPU-s per call-minute | calls a core, by CPU | limit on one core, calls | voice to voice p50, ms | offer → first sample, ms | memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, figure in figures.items():
        limit = figure.get("limit_calls")
        limit = "–" if limit is None else f"{limit}" if figure["limit_reached"] else f"≥ {limit}"
        lines.append(
            f"| {name} | {cell(figure.get('cpu_s_per_call_minute'), '.3f')} | {cell(figure.get('calls_per_core_by_cpu'), '.0f')}"
            f" | {limit} | {cell(figure.get('response_p50_ms'), '.0f')} | {cell(figure.get('first_sample_p50_ms'), '.0f')}"
            f" | {cell(figure.get('memory_mb'), '.0f')} |"
        )
    lines += ["", "| ratio | CPU at equal calls | calls at the limit |", "|---|---|---|"]
    for found in result["ratios"]:
        limit = found.get("calls_at_the_limit")
        limit = "–" if limit is None else f"{limit:.1f}"
        lines.append(f"| {found['of']} to {found['to']} | {cell(found.get('cpu_at_equal_calls'), '.1f')} | {limit} |")
    return "\n".join(lines) + "\n"


def conditions(asked):
    versions = subprocess.run([HERE / ".venv" / "bin" / "python", "-m", "pip", "freeze"], capture_output=True, text=True)
    pinned = [line for line in versions.stdout.split() if line.split("==")[0] in ("pipecat-ai", "aiortc", "onnxruntime")]
    processor = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {
        "pairs": asked.pairs,
        "calls": asked.calls,
        "hold_s": asked.hold,
        "processor": processor,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": pinned,
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=4, help="calls of each run of the pairs")
    parser.add_argument("--hold", type=int, default=20, help="seconds that are measured in each run")
    parser.add_argument("--release", type=Path, default=ROOT / "target" / "release", help="where ringline and ringline-bench are")
    parser.add_argument("--only", choices=["pairs", "limits"], help="the other half is taken from the JSON file, if it is there")
    parser.add_argument("--json", type=Path, default=ROOT / "target" / "bench" / "pipecat.json")
    parser.add_argument("--markdown", type=Path, default=ROOT / "target" / "bench" / "pipecat.md")
    asked = parser.parse_args()
    subprocess.run([HERE / "pipecat" / "install"], check=True)
    before = {"runs": {}, "limits": {}}
    if asked.only and asked.json.exists():
        before = json.loads(asked.json.read_text())
    with tempfile.TemporaryDirectory(prefix="ringline-peers-") as name:
        folder = Path(name)
        script = subprocess.run(text([asked.release / "ringline-bench", "script", *wavs()]), check=True, capture_output=True, text=True)
        (folder / "script.toml").write_text(script.stdout)
        runs = before["runs"] if asked.only == "limits" else pairs(asked.release, folder, asked.pairs, asked.calls, asked.hold)
        found = before["limits"] if asked.only == "pairs" else limits(asked.release, folder, asked.hold)
    result = {"conditions": conditions(asked), **summarise(runs, found), "runs": runs, "limits": found}
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(result, indent=1))
    asked.markdown.parent.mkdir(parents=True, exist_ok=True)
    asked.markdown.write_text(markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
