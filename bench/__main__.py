"""``python -m bench [SECTION...]``: measure, print, and write ``bench/results.json`` (a key per section)."""

from __future__ import annotations

import importlib
import json
import platform
import sys
import time
from pathlib import Path

SECTIONS = ("codec", "decode", "radius", "ssh", "hdlc", "e1", "voice", "gateway", "burst", "startup")
RESULTS = Path(__file__).with_name("results.json")

# The goals of docs/performance.md: (section, key) -> (at least | at most, value).
GOALS: dict[tuple[str, str], tuple[str, float]] = {
    ("codec", "decode_vs_struct"): (">=", 0.90),
    ("codec", "encode_vs_struct"): (">=", 0.85),
    ("codec", "decode_vs_construct"): (">=", 20),
    ("codec", "refuse_vs_decode"): ("<=", 3),
    ("decode", "json_vs_tshark"): (">=", 5),
    ("decode", "text_vs_json"): (">=", 0.5),
    ("decode", "memory_growth"): ("<=", 1.1),
    ("radius", "vs_freeradius_default"): (">=", 1.8),
    ("radius", "vs_freeradius_single"): (">=", 1.25),
    ("ssh", "serial_vs_openssh"): (">=", 0.6),
    ("ssh", "pipelined_vs_openssh"): (">=", 0.8),
    ("ssh", "connections_vs_openssh"): (">=", 5),
    ("ssh", "fanout_refused_p99_extra_ms"): ("<=", 10),
    ("ssh", "fanout_positive_p99_extra_ms"): ("<=", 10),
    ("ssh", "fanout_dead_p99_extra_ms"): ("<=", 10),
    ("hdlc", "transmit_260_vs_c"): (">=", 0.25),
    ("hdlc", "receive_260_vs_c"): (">=", 0.25),
    ("hdlc", "transmit_8_vs_c"): (">=", 0.25),
    ("hdlc", "receive_8_vs_c"): (">=", 0.25),
    ("hdlc", "transmit_260"): (">=", 2000),
    ("hdlc", "receive_260"): (">=", 2000),
    ("hdlc", "transmit_8"): (">=", 500),
    ("hdlc", "receive_8"): (">=", 500),
    ("hdlc", "receive_idle_flags"): (">=", 400),
    ("voice", "mix_vs_c"): (">=", 0.5),
    ("voice", "mixes_per_core"): (">=", 25_000),
    ("voice", "rtp_udp_mixes_per_core"): (">=", 2_500),
    ("voice", "lines_112_core_share"): ("<=", 0.10),
    ("voice", "lines_112_lost"): ("<=", 0),
    ("e1", "mux_vs_c"): (">=", 0.5),
    ("e1", "demux_vs_c"): (">=", 0.5),
    ("e1", "crc4_check_vs_c"): (">=", 0.5),
    ("e1", "crc4_generate_vs_c"): (">=", 0.5),
    ("e1", "framer_vs_c"): (">=", 0.5),
    ("e1", "mux_x"): (">=", 2500),
    ("e1", "demux_x"): (">=", 4000),
    ("e1", "crc4_check_x"): (">=", 1000),
    ("e1", "crc4_generate_x"): (">=", 500),
    ("e1", "framer_x"): (">=", 200),
    ("e1", "four_streams_percent"): ("<=", 30),
    ("gateway", "idle_27h_p99_ms"): ("<=", 3),
    ("gateway", "idle_28h_p99_ms"): ("<=", 15),
    ("gateway", "event_p99_ms"): ("<=", 50),
    ("gateway", "loaded_27h_p99_ms"): ("<=", 20),
    ("gateway", "loaded_27h_max_ms"): ("<=", 200),
    ("gateway", "cpu_ms_per_call"): ("<=", 0.30),
    ("gateway", "events_per_s"): (">=", 2950),
    ("gateway", "lost_events"): ("<=", 0),
    ("gateway", "doubled_events"): ("<=", 0),
    ("gateway", "memory_growth"): ("<=", 1.1),
    ("gateway", "max_calls_per_s"): (">=", 3000),
    ("gateway", "busy_event_p99_ms"): ("<=", 50),
    ("gateway", "busy_event_max_ms"): ("<=", 200),
    ("gateway", "busy_27h_p99_ms"): ("<=", 20),
    ("gateway", "busy_lost_events"): ("<=", 0),
    ("burst", "reads_lost_events"): ("<=", 0),
    ("burst", "reads_doubled_events"): ("<=", 0),
    ("burst", "reads_27h_max_ms"): ("<=", 400),
    ("burst", "slow_lost_events"): ("<=", 0),
    ("burst", "slow_doubled_events"): ("<=", 0),
    ("burst", "slow_27h_max_ms"): ("<=", 400),
    ("burst", "unread_27h_max_ms"): ("<=", 400),
    ("burst", "unread_memory_grown_mb"): ("<=", 100),
    ("burst", "reads_memory_grown_mb"): ("<=", 120),
    ("startup", "version_s"): ("<=", 0.3),
    ("startup", "help_s"): ("<=", 0.4),
    ("startup", "decode_s"): ("<=", 0.4),
    ("startup", "config_check_s"): ("<=", 0.4),
    ("startup", "trace_s"): ("<=", 0.4),
    ("startup", "examples_s"): ("<=", 0.4),
    ("startup", "send_s"): ("<=", 0.4),
    ("startup", "lab_ready_s"): ("<=", 2),
    ("startup", "idle_lab_mb"): ("<=", 150),
}


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        print(f"bench: no section {unknown[0]!r}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = {"python": platform.python_version(), "machine": platform.machine()}
    missed = 0
    for name in wanted or SECTIONS:
        print(f"{name} ...", flush=True)
        begin = time.perf_counter()
        section = importlib.import_module(f"bench.{name}").run()
        results[name] = section
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        for key, value in section.items():
            goal = GOALS.get((name, key))
            verdict = ""
            if goal and isinstance(value, int | float):
                reached = value >= goal[1] if goal[0] == ">=" else value <= goal[1]
                missed += not reached
                verdict = f"goal {goal[0]} {goal[1]:g}: {'reached' if reached else 'MISSED'}"
            shown = f"{value:,.3f}" if isinstance(value, float) else value
            print(f"  {key:38} {shown!s:>16}  {verdict}")
        print(f"  ({time.perf_counter() - begin:.0f} s)")
    if missed:
        print(f"{missed} goal(s) missed: the reasons are in docs/performance.md")
    return 0


sys.exit(main(sys.argv[1:]))
