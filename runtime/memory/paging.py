"""The rows of the paging tables: every page of a segment, hashed before and after, with the digests of its children."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.stamps import TIME_BITS, TIMES
from zkc.runtime.memory.map import MemoryMap

Words = npt.NDArray[np.uint32]
Column = npt.NDArray[np.int64]
CLEAN, OLD, NEW = "clean", "old", "new"
RATE, WIDTH = 16, 24


@dataclass
class PageRows:
    """Input columns by name for each table, and the image IDs before and after."""

    data: dict[str, Column]
    dirty: dict[str, Column]
    tables: dict[str, Column]
    pre: tuple[int, ...]
    post: tuple[int, ...]


def page_rows(memory: MemoryMap, hasher: Any, segment: Segment, now: dict[int, tuple[Words, Words]]) -> PageRows:
    """`now`: content and times (mark in the upper two bits) of each touched page at the end. Dirty pages are in rows of 16 words if the
    segment says so."""
    data = _DataRows(memory, hasher)
    after: dict[int, Words] = {}
    for page in sorted(segment.pages):
        content, times = now[page]
        if page in segment.dirty:
            data.add(page, OLD, segment.pages[page], np.zeros_like(times))
            data.add(page, NEW, content, times)
        else:
            data.add(page, CLEAN, content, times)
    digests = data.hash()
    for (page, version), digest in zip(data.versions, digests, strict=True):
        if version == NEW:
            after[page] = digest
    tables = _TableRows(memory, hasher, segment, after)
    wide = (OLD, NEW) if segment.rows.get("dirty_page") else ()
    narrow = [version for version in (CLEAN, OLD, NEW) if version not in wide]
    rows, wide_rows = data.columns(narrow, (CLEAN, OLD, NEW), 1), data.columns(wide, (OLD, NEW), 2)
    return PageRows(rows, wide_rows, tables.columns(), tables.image_id(before=True), tables.image_id(before=False))


def sponge(hasher: Any, blocks: Words, tags: Words) -> tuple[Words, Words]:
    """Overwrite mode over `blocks` `uint32[pages][steps][16]` from capacities (tag, 0, …): (capacity before each step, digest)."""
    pages, steps, _ = blocks.shape
    carried = np.zeros((pages, steps, WIDTH - RATE), dtype=np.uint32)
    capacity = np.zeros((pages, WIDTH - RATE), dtype=np.uint32)
    capacity[:, 0] = tags
    state = np.zeros((pages, WIDTH), dtype=np.uint32)
    for step in range(steps):
        carried[:, step] = capacity
        state = hasher.permute(np.concatenate([blocks[:, step], capacity], axis=1))
        capacity = state[:, RATE:]
    return carried, state[:, : WIDTH - RATE]


def _flags(versions: Sequence[str], steps: int, names: Sequence[str]) -> dict[str, Column]:
    return {name: np.repeat(np.array([v == name for v in versions], dtype=np.int64), steps) for name in names}


class _DataRows:
    def __init__(self, memory: MemoryMap, hasher: Any) -> None:
        self.memory = memory
        self.hasher = hasher
        self.versions: list[tuple[int, str]] = []
        self.contents: list[Words] = []
        self.times: list[Words] = []

    def add(self, page: int, version: str, content: Words, times: Words) -> None:
        self.versions.append((page, version))
        self.contents.append(content)
        self.times.append(times)

    def hash(self) -> Words:
        words = np.stack(self.contents).reshape(len(self.contents), -1, 8)
        self.words = words
        limbs = np.stack([words & 0xFFFF, words >> 16], axis=3).reshape(*words.shape[:2], RATE).astype(np.uint32, copy=False)
        tags = np.full(len(words), self.memory.tag_data, dtype=np.uint32)
        self.carried, digests = sponge(self.hasher, limbs, tags)
        return digests

    def columns(self, versions: Sequence[str], flags: Sequence[str], blocks: int) -> dict[str, Column]:
        """The rows of pages in some versions, each of so many blocks of the sponge."""
        chosen = [i for i, (_, version) in enumerate(self.versions) if version in versions]
        steps, width = self.words.shape[1] // blocks, 8 * blocks
        words = self.words[chosen].reshape(-1, width).astype(np.int64)
        times = np.stack(self.times)[chosen].reshape(-1, width).astype(np.int64)
        carried = self.carried[chosen, ::blocks].reshape(-1, 8).astype(np.int64)
        columns = {"page": np.repeat(np.array([self.versions[i][0] for i in chosen], dtype=np.int64), steps)}
        columns["step"] = np.tile(np.arange(steps, dtype=np.int64), len(chosen))
        columns |= _flags([self.versions[i][1] for i in chosen], steps, flags)
        columns |= {f"carried[{i}]": carried[:, i] for i in range(8)}
        for i in range(width):
            columns[f"lo[{i}]"], columns[f"hi[{i}]"] = words[:, i] & 0xFFFF, words[:, i] >> 16
            columns[f"times[{i}]"], columns[f"marks[{i}]"] = times[:, i] % TIMES, times[:, i] >> TIME_BITS
        return columns


class _TableRows:
    """Pages of the page table: contents before are in the snapshot; contents after follow from the leaves up."""

    def __init__(self, memory: MemoryMap, hasher: Any, segment: Segment, after: dict[int, Words]) -> None:
        self.memory = memory
        self.hasher = hasher
        self.before = segment.table_pages
        self.touched = {*segment.pages, *segment.table_pages}
        self.after = {t: content.copy() for t, content in self.before.items()}
        self.order = sorted(self.before, key=self._depth, reverse=True)
        self.root_after: Words | None = None
        self._climb(dict(after))

    def _depth(self, page: int) -> int:
        depth = 0
        while page != self.memory.root_page:
            page, depth = self.memory.parent(page), depth + 1
        return depth

    def _tags(self, pages: list[int]) -> Words:
        m = self.memory
        return np.array([m.tag_root if p == m.root_page else m.tag_table for p in pages], dtype=np.uint32)

    def _sponge(self, pages: list[int], contents: dict[int, Words]) -> tuple[Words, Words]:
        blocks = np.stack([contents[p] for p in pages])
        return sponge(self.hasher, np.concatenate([blocks, np.zeros_like(blocks)], axis=2), self._tags(pages))

    def _climb(self, changed: dict[int, Words]) -> None:
        """Puts new digests into parents, level by level."""
        self.dirty: set[int] = set()
        carried: dict[int, Words] = {}
        digests: dict[int, Words] = {}
        for depth in sorted({self._depth(t) for t in self.before}, reverse=True):
            for page, digest in changed.items():
                parent = self.memory.parent(page)
                if self._depth(parent) == depth:
                    self.after[parent][self.memory.slot(page)] = digest
                    self.dirty.add(parent)
            level = sorted(t for t in self.dirty if self._depth(t) == depth)
            if not level:
                continue
            states, hashes = self._sponge(level, self.after)
            for i, t in enumerate(level):
                carried[t], digests[t] = states[i], hashes[i]
                if t != self.memory.root_page:
                    changed[t] = hashes[i]
        self.carried_after, self.digests_after = carried, digests

    def columns(self) -> dict[str, Column]:
        pages = sorted(self.before)
        states, digests = self._sponge(pages, self.before)
        self.digests_before = dict(zip(pages, digests, strict=True))
        rows: list[tuple[int, str, Words, Words]] = []
        for i, page in enumerate(pages):
            if page in self.dirty:
                rows.append((page, OLD, self.before[page], states[i]))
                rows.append((page, NEW, self.after[page], self.carried_after[page]))
            else:
                rows.append((page, CLEAN, self.before[page], states[i]))
        steps = self.memory.arity
        columns = {"page": np.repeat(np.array([r[0] for r in rows], dtype=np.int64), steps)}
        columns["step"] = np.tile(np.arange(steps, dtype=np.int64), len(rows))
        columns |= _flags([r[1] for r in rows], steps, (CLEAN, OLD, NEW))
        children = [c for page, version, _, _ in rows for c in self._children(page, version)]
        columns["touched"] = np.array(children, dtype=np.int64)
        for i in range(8):
            columns[f"child_digest[{i}]"] = np.concatenate([r[2][:, i] for r in rows]).astype(np.int64)
            columns[f"carried[{i}]"] = np.concatenate([r[3][:, i] for r in rows]).astype(np.int64)
        return columns

    def _children(self, page: int, version: str) -> list[bool]:
        first = (page - self.memory.table_page) * self.memory.arity
        return [version != OLD and c in self.touched and c != self.memory.root_page for c in range(first, first + self.memory.arity)]

    def image_id(self, *, before: bool) -> tuple[int, ...]:
        root = self.memory.root_page
        digest = self.digests_before[root] if before or root not in self.digests_after else self.digests_after[root]
        return tuple(int(x) for x in digest)
