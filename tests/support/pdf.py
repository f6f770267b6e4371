"""PDF files made by hand, honest and hostile."""


def pdf(
    *pages: bytes, objects: tuple[bytes, ...] = (), tree: bytes = b"", trailer: bytes = b""
) -> bytes:
    """A PDF whose pages are content streams; `tree` replaces its tree of pages."""
    made = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    made.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    kids = []
    for content in pages:
        made.append(stream(content))
        made.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]"
            b"/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>" % len(made)
        )
        kids.append(b"%d 0 R" % len(made))
    made[1] = tree or b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(kids))
    return assembled([*made, *objects], trailer)


def stream(content: bytes, *, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), entries, content)


def assembled(objects: list[bytes], trailer: bytes = b"") -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (size, trailer, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def line(text: str, *, at: tuple[int, int] = (72, 700), size: int = 12, before: str = "") -> bytes:
    """One line of text as a content stream draws it."""
    return f"q BT {before} /F1 {size} Tf {at[0]} {at[1]} Td ({text}) Tj ET Q\n".encode()
