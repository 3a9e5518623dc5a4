"""Small real files for the worked example: a page with a sentence on it, a list of enterprises."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import xlsxwriter


def workbook_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a workbook with a row for each enterprise, under the names of its facts.

    Money and codes are written as text, and lists with `；` between their members, as in the template.
    """
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    for column, name in enumerate(dict.fromkeys(name for row in rows for name in row)):
        sheet.write_string(0, column, name)
        for place, row in enumerate(rows, start=1):
            value = row.get(name)
            if isinstance(value, list):
                value = "；".join(value)
            if value is not None:
                sheet.write(place, column, value)
    book.close()
    return file.getvalue()


def one_page_pdf(sentence: str) -> bytes:
    """Return a PDF of one page. The sentence is ASCII; brackets and backslashes are kept out."""
    text = sentence.encode("ascii").translate(None, b"()\\")
    content = b"BT /F1 14 Tf 60 760 Td (" + text + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    file = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, len(file))
    )
