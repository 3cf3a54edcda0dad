"""Writes the figures into docs/benchmarks.md and its plots: what stands between `<!-- bench:NAME -->` and `<!-- /bench -->`
becomes target/bench/NAME.md, where there is one. The tables of density.py are made here; other scripts bring their own.

    report.py [--results DIR]
"""

import argparse
import json
import re
from pathlib import Path

from charts import line_chart

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Names of threads, and what runs on them.
STAGES = [
    ("media", "WebRTC, decoding, playout, encoding"),
    ("ears", "voice activity"),
    ("recorder", "recordings"),
    ("tokio-rt-worker", "conversation, HTTP, the scripted providers"),
    ("sqlx-sqlite-worker", "the database"),
    ("sqlx-sqlite-wor", "the database"),
]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def ms(times, *which):
    """Percentiles, or a dash where nothing was measured."""
    return [f"{times[name]:.1f}" if times else "–" for name in which]


def conditions(results):
    machine = results["machine"]
    return (
        f"Measured {results['date']} at commit `{results['commit']}` on {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gb']} GB, Linux {machine['kernel']}; each step held for {results['hold_s']} s."
    )


def carried(results):
    """The run with the most calls of those that pass, with all smaller ones."""
    best = None
    for run in sorted(results["density"], key=lambda run: run["calls"]):
        if not run["passes"]:
            break
        best = run
    return best


def headline(results):
    best = carried(results)
    if not best:
        return "No step passed the bar."
    added, server = best["added_ms"], best["server"]
    rows = [
        ("calls on one core at the bar", best["calls"]),
        ("CPU seconds of a call-minute there", f"{server['cpu_s_per_call_minute']:.3f}"),
        ("added latency there, p50 / p95 / p99, ms", " / ".join(ms(added, "p50", "p95", "p99"))),
        ("lateness of an audio frame there, p50 / p99 / max, ms", " / ".join(ms(best["audio"]["lateness_ms"], "p50", "p99", "max"))),
        ("memory of a call that talks, kB", f"{server['memory_per_call_kb']:.0f}"),
    ]
    if idle := results.get("idle"):
        rows.append((f"memory of an idle call, kB ({idle['calls']} calls)", f"{idle['server']['memory_per_call_kb']:.0f}"))
    if loud := results.get("loud"):
        rows.append(
            (
                f"CPU seconds of a call-minute, {loud['calls']} calls, if every caller's room has −50 dBFS of noise",
                f"{loud['server']['cpu_s_per_call_minute']:.3f}",
            )
        )
    return table(["", "measured"], rows)


def density(results):
    rows = []
    for run in sorted(results["density"], key=lambda run: run["calls"]):
        server, audio = run["server"], run["audio"]
        rows.append(
            (
                run["calls"],
                f"{server['core_share']:.0%}",
                f"{server['cpu_s_per_call_minute']:.3f}",
                *ms(run["added_ms"], "p50", "p95"),
                *ms(audio["lateness_ms"], "p99", "max"),
                f"{audio['late_over_20_ms']} of {audio['frames']}",
                f"{server['memory_per_call_kb']:.0f}",
                f"{run['others_core_share']:.0%}",
                "yes" if run["passes"] else "no",
            )
        )
    head = ["calls", "core", "CPU s per call-minute", "added p50", "p95", "frame late p99", "max", "late by > 20 ms"]
    return table([*head, "kB a call", "core taken by others", "passes"], rows)


def stages(results):
    best = carried(results) or results["density"][0]
    threads = best["server"]["threads"]
    rows = [
        (f"`{name}`", what, f"{threads[name]['cpu_s_per_call_minute']:.3f}")
        for name, what in STAGES
        if name in threads and threads[name]["cpu_s_per_call_minute"] >= 0.0005
    ]
    rest = sum(use["cpu_s_per_call_minute"] for name, use in threads.items() if name not in dict(STAGES))
    rows.append(("others", "", f"{rest:.3f}"))
    return f"At {best['calls']} calls:\n\n" + table(["thread", "what runs on it", "CPU s per call-minute"], rows)


def latency(results):
    best = carried(results) or results["density"][0]
    names = ["endpointing", "transcript", "first_text", "first_segment", "first_audio", "playout", "total"]
    rows = [(name, *ms(best["latency_ms"].get(name), "p50", "p95", "p99")) for name in names]
    rows.append((f"added: total − {best['accounted_ms']:.0f}", *ms(best["added_ms"], "p50", "p95", "p99")))
    rows.append(("end of speech → first audible frame, by the caller", *ms(best["response_ms"], "p50", "p95", "p99")))
    return f"At {best['calls']} calls, in ms:\n\n" + table(["", "p50", "p95", "p99"], rows)


def moments(results):
    best = carried(results) or results["density"][0]
    rows = [("barge-in, as configured by default", *ms(best["barge_in_ms"], "p50", "p95", "p99"), (best["barge_in_ms"] or {}).get("n", 0))]
    if sharp := results.get("barge_in"):
        rows.append(("barge-in at the first sound (`VadLevel` 0)", *ms(sharp["barge_in_ms"], "p50", "p95", "p99"), (sharp["barge_in_ms"] or {}).get("n", 0)))
    for name, what in [("joinable", "request → joinable"), ("connected", "offer → connected"), ("first_sample", "offer → first sample of the greeting")]:
        times = best["setup_ms"][name]
        rows.append((what, *ms(times, "p50", "p95", "p99"), (times or {}).get("n", 0)))
    return f"At {best['calls']} calls, in ms:\n\n" + table(["", "p50", "p95", "p99", "n"], rows)


def syscalls(results):
    found = results["syscalls"]
    most = sorted(found["counts"].items(), key=lambda item: -item[1])[:8]
    rows = [(f"`{name}`", f"{count / found['packets']:.2f}") for name, count in most]
    head = f"{found['packets_per_network_syscall']:.2f} packets per system call of the network (`recvfrom`, `sendto`, `epoll_wait`), at 50 calls."
    return head + " By kind:\n\n" + table(["system call", "for a packet, in or out"], rows)


def plots(results):
    runs = sorted(results["density"], key=lambda run: run["calls"])
    share = [(run["calls"], run["server"]["core_share"] * 100) for run in runs]
    memory = [(run["calls"], run["server"]["memory_mb"]) for run in runs]
    late = [(run["calls"], run["audio"]["lateness_ms"]["p99"]) for run in runs]
    added = [(run["calls"], run["added_ms"]["p95"]) for run in runs if run["added_ms"]]
    return {
        "cpu.svg": line_chart("CPU of the server", "calls", "% of one core", [("measured", share)]),
        "memory.svg": line_chart("Memory of the server", "calls", "MB", [("resident", memory)]),
        "latency.svg": line_chart(
            "Lateness and added latency", "calls", "ms", [("added latency, p95", added), ("frame's lateness, p99", late)], ("the bar: 20 ms", 20)
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "target/bench")
    results_dir = parser.parse_args().results
    measured = results_dir / "density.json"
    if measured.exists():
        results = json.loads(measured.read_text())
        if results.get("density"):
            for make in (conditions, headline, density, stages, latency, moments):
                (results_dir / f"{make.__name__}.md").write_text(make(results) + "\n")
            (DOCS / "benchmarks").mkdir(exist_ok=True)
            for name, svg in plots(results).items():
                (DOCS / "benchmarks" / name).write_text(svg)
        if results.get("syscalls"):
            (results_dir / "syscalls.md").write_text(syscalls(results) + "\n")
    page = DOCS / "benchmarks.md"

    def block(match):
        fragment = results_dir / f"{match[1]}.md"
        text = fragment.read_text().strip() if fragment.exists() else match[2].strip()
        return f"<!-- bench:{match[1]} -->\n{text}\n<!-- /bench -->"

    page.write_text(re.sub(r"<!-- bench:(\S+) -->\n(.*?)<!-- /bench -->", block, page.read_text(), flags=re.S))


if __name__ == "__main__":
    main()
