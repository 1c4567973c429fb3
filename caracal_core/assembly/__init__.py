"""From configuration to a finished house; nothing here touches a file or a socket."""
