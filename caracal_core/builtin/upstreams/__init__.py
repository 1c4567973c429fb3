"""HTTP upstreams on a strict client of our own: nothing is shared, and nothing is sent twice."""
