# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The benchmark's figures as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fer_ros.apps.bench.load import LoadFigures


def _row(values: Mapping[str, float]) -> str:
    return "  ".join(f"{values.get(key, float('nan')):8.2f}" for key in ("p50", "p95", "p99"))


def print_networks(results: Mapping[str, Mapping[str, float]]) -> None:
    """Print the networks alone [ms]."""
    _print_percentiles("network alone [ms]", results)


def print_drawing(results: Mapping[str, Mapping[str, float]]) -> None:
    """Print what the annotated image costs [ms]."""
    _print_percentiles("annotated image [ms]", results)


def _print_percentiles(title: str, results: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title:<28}{'p50':>8}  {'p95':>8}  {'p99':>8}")
    for name, values in results.items():
        print(f"{name:<28}{_row(values)}")


def print_pipeline(results: Sequence[Mapping[str, Any]]) -> None:
    """Print the pipeline [ms] with the median of each stage."""
    stages = list(results[0]["stages"])
    heads = "".join(f"{stage:>9}" for stage in stages)
    columns = f"{'found':>6}  {'p50':>8}  {'p95':>8}  {'p99':>8}  ratio    cpu"
    print(f"\n{'pipeline [ms]':<18}{columns}{heads}")
    for entry in results:
        name = f"{entry['size']}, {entry['faces_shown']} faces"
        ratio = f"{entry['ratio']:.2f}" if "ratio" in entry else "-"
        medians = "".join(f"{entry['stages'][stage]['p50']:9.2f}" for stage in stages)
        cpu = entry["cpu_ms_per_image"]
        found = f"{entry['faces_found']:.0f}"
        print(f"{name:<18}{found:>6}  {_row(entry['total'])}  {ratio:>5}  {cpu:5.2f}{medians}")
    print(
        "ratio: median of the pipeline to that of the networks alone; stages: medians\n"
        f"cpu: processor time per image; memory {results[-1]['memory_mib']:.0f} MiB"
    )


def print_graph(results: Mapping[str, Any]) -> None:
    """Print camera to EmotionArray over DDS."""
    drops = ", ".join(f"{cause} {n}" for cause, n in results["drops"].items() if n)
    print(
        f"\nover DDS, VGA with one face at {results['rate_hz']:g} Hz for {results['seconds']:g} s\n"
        f"images sent {results['images_sent']}, processed {results['images_answered']}, "
        f"lost {results['images_lost']} (dropped by the node: {drops or 'none'})\n"
        f"{'age at publish [ms]':<28}{_row(results['age_at_publish_ms'])}\n"
        f"{'age at subscriber [ms]':<28}{_row(results['age_at_subscriber_ms'])}\n"
        f"start to first result {results['start_to_first_result_s']:.2f} s; node: "
        f"{results['node_cpu_percent']:.0f} % of one core, {results['node_memory_mib']:.0f} MiB"
    )


def print_load_head() -> None:
    """Print the heading of the load table."""
    print(
        f"\n{'cameras':>7}{'faces':>6}{'sent/s':>8}{'results/s':>11}{'lost':>7}  "
        f"{'fewest..most':>13}  {'age p50':>8}{'p99':>8}  {'core ms':>8}{'core':>6}{'MiB':>5}"
    )


def print_load(figures: LoadFigures) -> None:
    """Print one row: counts and costs of the images of some cameras."""
    ages = figures.age_ms
    print(
        f"{figures.cameras:>7}{figures.faces:>6}{figures.rate_hz * figures.cameras:>8.0f}"
        f"{figures.answers_per_second:>11.1f}{figures.lost_percent:>6.1f}%  "
        f"{f'{figures.fewest}..{figures.most}':>13}  {ages.get('p50', math.nan):>8.1f}"
        f"{ages.get('p99', math.nan):>8.1f}  {figures.core_ms_per_answer:>8.2f}"
        f"{figures.core_percent:>5.0f}%{figures.memory_mib:>5.0f}",
        flush=True,
    )
