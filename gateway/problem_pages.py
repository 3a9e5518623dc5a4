"""A page for each refusal, at the address that problem documents name as their type."""

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.7 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
       max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.35; margin-bottom: .25rem; }
code { font-size: .95em; }
.status { color: GrayText; }
section { margin-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .35rem .75rem .35rem 0; vertical-align: top;
         border-bottom: 1px solid color-mix(in srgb, CanvasText 15%, transparent); }
"""


def problem_page(slug: str, problem: Mapping[str, Any]) -> str:
    title, meaning = problem["title"], problem["meaning"]
    return _page(
        f"{title['zh']} · {title['en']}",
        f"""<p class="status">HTTP {problem["status"]} · <code>/problems/{escape(slug)}</code></p>
<section lang="zh-CN"><p>{escape(meaning["zh"])}</p></section>
<section lang="en"><p>{escape(meaning["en"])}</p></section>
<p><a href="/problems/">全部问题类型 · All problem types</a></p>""",
    )


def problem_index(problems: Mapping[str, Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td>{problem["status"]}</td><td><a href="/problems/{escape(slug)}">'
        f"<code>{escape(slug)}</code></a></td>"
        f"<td>{escape(problem['title']['zh'])}<br>{escape(problem['title']['en'])}</td></tr>"
        for slug, problem in problems.items()
    )
    return _page(
        "问题类型 · Problem types",
        "<p>拒绝请求时返回 <code>application/problem+json</code>（RFC 9457），其 <code>type</code>"
        " 指向下列页面。A refusal is an RFC 9457 document; its type is one of these pages.</p>"
        f"<table><tr><th>HTTP</th><th>type</th><th></th></tr>{rows}</table>",
    )


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><h1>{escape(title)}</h1>
{body}
</body></html>
"""
