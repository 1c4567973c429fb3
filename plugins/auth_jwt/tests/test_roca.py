"""The mark of the faulty generator is found, and sound keys do not bear it."""

import random

from caracal_auth_jwt.roca import is_roca

PRIMORIAL = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37 * 41 * 43 * 47 * 53 * 59 * 61 * 67
PRIMORIAL *= 71 * 73 * 79 * 83 * 89 * 97 * 101 * 103 * 107 * 109 * 113 * 127 * 131 * 137 * 139
PRIMORIAL *= 149 * 151 * 157 * 163 * 167


def test_products_of_the_generators_numbers_bear_the_mark():
    """It made primes of the form k * M + 65537**a mod M; so are their products."""
    source = random.Random(1)
    for _ in range(50):
        one, other = (
            source.getrandbits(40) * PRIMORIAL + pow(65_537, source.getrandbits(60), PRIMORIAL)
            for _ in range(2)
        )
        assert is_roca(one * other)


def test_a_sound_modulus_does_not(make_key):
    """A key made by OpenSSL is accepted, and so are a thousand random odd numbers."""
    source = random.Random(2)
    assert not is_roca(make_key("RSA").public_key.public_numbers().n)
    assert not any(is_roca(source.getrandbits(2048) | 1) for _ in range(1000))
