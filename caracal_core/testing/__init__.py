"""The plugin author's kit: contracts, fakes and a rehearsal.

`contracts` need pytest (``pip install "caracal-core[testing]"``); `fakes` and `rehearsal` need
nothing but the core. The core itself never imports this package.
"""
