"""The plugin author's kit: contracts, fakes and a rehearsal."""
