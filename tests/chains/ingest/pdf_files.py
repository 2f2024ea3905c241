"""PDF files written on the spot: Helvetica, one line of text after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

FONT = DictionaryObject(
    {
        NameObject("/Type"): NameObject("/Font"),
        NameObject("/Subtype"): NameObject("/Type1"),
        NameObject("/BaseFont"): NameObject("/Helvetica"),
        NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
    }
)


def write_pdf(
    file: Path, sheets: Sequence[str], title: str = "", bookmarks: Sequence[tuple[str, int]] = (), password: str = ""
) -> Path:
    """`bookmarks`: a text and the number of a sheet, from 0."""
    writer = PdfWriter()
    for sheet in sheets:
        page = writer.add_blank_page(600, 800)
        fonts = DictionaryObject({NameObject("/F1"): FONT})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        lines = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in sheet.split("\n")]
        drawn = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        stream.set_data(f"BT /F1 11 Tf 40 760 Td {drawn}ET".encode("cp1252"))
        page[NameObject("/Contents")] = writer._add_object(stream)
    for text, number in bookmarks:
        writer.add_outline_item(title=text, page_number=number)
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream_of_file:
        writer.write(stream_of_file)
    return file
