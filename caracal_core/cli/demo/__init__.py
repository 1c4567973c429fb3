"""`caracal serve --demo`: everything a first look needs, on this machine alone."""
