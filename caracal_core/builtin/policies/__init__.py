"""Static policies over agents, routes and methods."""
