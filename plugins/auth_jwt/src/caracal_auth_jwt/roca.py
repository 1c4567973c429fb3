"""RSA keys of one faulty generator, whose private half can be computed (CVE-2017-15361)."""

from __future__ import annotations

_GENERATOR = 65_537
_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
"""The odd primes up to 167 modulo which some number is no power of the generator."""


def _powers(prime: int) -> frozenset[int]:
    """Return every remainder that a power of the generator can leave."""
    return frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime - 1))


_MARKS = tuple((prime, _powers(prime)) for prime in _PRIMES)


def is_roca(modulus: int) -> bool:
    """Say whether a modulus bears the generator's mark.

    The generator made primes that are powers of 65537 modulo many small primes, and so are
    their products. A sound key passes for one by chance about once in 2**27.
    """
    return all(modulus % prime in powers for prime, powers in _MARKS)
