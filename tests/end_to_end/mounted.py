"""Files as a pod sees them."""


class Mounted:
    """A directory as Kubernetes mounts it: every file is a link through one that moves."""

    def __init__(self, directory, **files):
        self.directory = directory
        self._states = 0
        self.swap(**files)

    def path(self, name):
        return self.directory / name

    def swap(self, **files):
        """Move to a state with these files, by name, all at once."""
        self._states += 1
        state = self.directory / f"..state_{self._states}"
        state.mkdir(parents=True)
        for name, content in files.items():
            (state / name).write_bytes(content.encode() if isinstance(content, str) else content)
            if not self.path(name).is_symlink():
                self.path(name).symlink_to(f"..data/{name}")
        fresh = self.directory / "..data_tmp"
        fresh.symlink_to(state.name)
        fresh.rename(self.directory / "..data")
