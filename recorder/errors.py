"""Every error this package raises to a caller; none of them ever reaches a recorded run."""

__all__ = [
    "BadSettingError",
    "DamagedExportError",
    "ForeignFileError",
    "NewerFormatError",
    "NoStoreError",
    "RecorderError",
    "StoreBusyError",
    "StoreFailedError",
    "StoreLockedError",
]


class RecorderError(Exception):
    """Root of this package's errors."""


class NoStoreError(RecorderError):
    """There is no store where one was looked for.

    ``looked_in`` are the places, in order; ``elsewhere`` the stores this account wrote lately, newest first.
    """

    def __init__(self, looked_in: tuple[str, ...], elsewhere: tuple[str, ...] = ()) -> None:
        self.looked_in = looked_in
        self.elsewhere = elsewhere
        super().__init__(f"no store in {', '.join(looked_in)}")


class NewerFormatError(RecorderError):
    """A file was written by a newer version of this package; it is left untouched."""

    def __init__(self, path: str, found: int, known: int) -> None:
        self.path, self.found, self.known = path, found, known
        super().__init__(f"{path} has format {found}; this version reads up to {known}. Upgrade hg-mcp to open it.")


class ForeignFileError(RecorderError):
    """A file is not ours; it is left untouched."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} is not an hg-mcp file: {reason}")


class BadSettingError(RecorderError):
    """A store's ``config.toml`` says something that cannot be meant."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class DamagedExportError(RecorderError):
    """An export is cut or changed, too large, or holds what no recorder writes; nothing of it was imported."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} cannot be imported: {reason}. Nothing was.")


class StoreBusyError(RecorderError):
    """Another process ingests into this store."""


class StoreFailedError(RecorderError):
    """The store cannot be used now: it is closed to this account, the disk full or failing, or the database damaged.

    Nothing in it is lost.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} cannot be used now: {reason}")


class StoreLockedError(StoreFailedError):
    """Another program keeps the database to itself; what is recorded meanwhile waits in the journal."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "another program has it locked; recording goes on, and is read once that ends")
