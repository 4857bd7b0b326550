"""Some files come from an old system in another encoding, which their headers say and nobody reads."""

from recorder import Recorder, node

FILES = [
    ("héllo wörld".encode("latin-1"), "latin-1") if n % 6 == 5 else (f"file {n}: déjà vu".encode(), "utf-8")
    for n in range(36)
]


@node
def download(number: int) -> dict[str, object]:
    content, charset = FILES[number]
    return {"headers": {"charset": charset}, "content": content}


@node
def decode(file: dict[str, object]) -> str:
    return bytes(file["content"]).decode()  # type: ignore[arg-type]


@node
def read_file(number: int) -> int:
    return len(decode(download(number)))


def run(rec: Recorder, variant: str) -> None:
    rec.map(read_file, range(len(FILES)), name="import_files", error_handling="continue")
