"""The order of the transcript, for prover and verifier: what is absorbed and which challenge follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.extension import Element
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.proof import word_bytes
from zkc.runtime.stark.shape import Shape
from zkc.runtime.stark.transcript import Transcript

Words = npt.NDArray[np.uint32]


class Challenges:
    """A transcript that has absorbed the statement; each method absorbs one message of the prover and draws what follows it."""

    def __init__(self, shape: Shape, claim: Sequence[int], fixed_root: bytes) -> None:
        self.shape = shape
        self.transcript = Transcript()
        self.transcript.absorb(b"parameters", shape.parameters.encode())
        self.transcript.absorb(b"circuit", shape.circuit.digest)
        self.transcript.absorb(b"fixed root", fixed_root)
        self.transcript.absorb(b"heights", word_bytes(np.array(shape.heights)))
        self.transcript.absorb(b"claim", word_bytes(np.array(claim, dtype=np.uint32)))

    def after_trace(self, root: bytes) -> tuple[Words, Words]:
        """alpha, beta."""
        self.transcript.absorb(b"trace root", root)
        return self.transcript.element(b"alpha"), self.transcript.element(b"beta")

    def after_logup(self, root: bytes) -> Words:
        """lambda."""
        self.transcript.absorb(b"logup root", root)
        return self.transcript.element(b"lambda")

    def after_quotient(self, root: bytes) -> Element:
        """zeta: the first that is not zero and lies neither in the trace domain nor in the extended domain."""
        self.transcript.absorb(b"quotient root", root)
        while True:
            zeta = Element.from_words(self.transcript.element(b"zeta"))
            if not in_domains(zeta, self.shape.log_height, self.shape.parameters.log_blowup):
                return zeta

    def after_openings(self, openings: Words) -> Words:
        """gamma."""
        self.transcript.absorb(b"openings", word_bytes(openings))
        return self.transcript.element(b"gamma")

    def after_layer(self, root: bytes) -> Words:
        """The challenge of one fold."""
        self.transcript.absorb(b"layer root", root)
        return self.transcript.element(b"fold")

    def after_final(self, final: Words) -> None:
        """Binds the final polynomial; the proof of work is over this state."""
        self.transcript.absorb(b"final polynomial", word_bytes(final))

    def is_ground(self, nonce: int) -> bool:
        return self.transcript.proof_of_work(nonce) % (1 << self.shape.parameters.grinding) == 0

    def after_nonce(self, nonce: int) -> npt.NDArray[np.int64]:
        """The query positions in the extended domain."""
        self.transcript.absorb(b"nonce", nonce.to_bytes(8, "little"))
        return self.transcript.indices(b"queries", self.shape.parameters.queries, self.shape.log_extended)


def in_domains(point: Element, log_height: int, log_blowup: int) -> bool:
    """True for zero and for roots of X^n - 1 or of X^N - shift^N, N = n 2^log_blowup."""
    power = point ** (1 << log_height)
    start = Element.base(shift(log_height)) ** (1 << (log_height + log_blowup))
    return power in (Element.base(0), Element.base(1)) or power ** (1 << log_blowup) == start
