#!/usr/bin/env python3
"""Checks HTML pages and Markdown files: nothing broken, nothing empty, nothing asked of another host. Exit code 1 where
anything is.

usage: page_check.py FILE...        checks pages; links of <a> to other hosts are listed, they are no fault
       page_check.py --self-test    checks the checker on pages with planted faults
"""
import html.parser
import pathlib
import re
import sys
import tempfile
import urllib.parse

VOID = set("area base br col embed hr img input link meta source track wbr".split())
# Attributes whose address a browser fetches by itself.
FETCHED = {"src", "srcset", "poster", "background", "data", "action", "formaction", "xlink:href"}
# What an SVG shows; what only frames it (grid, axis, the outline of a cell, what clips) is no mark.
MARKS = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "image", "use"}
FRAMES = {"grid", "axis", "cell", "level"}
COORDINATES = set("d x y x1 x2 y1 y2 cx cy r rx ry width height points transform".split())
STYLE_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]*)|@import\s+["']([^"']*)""")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.ids, self.faults, self.links, self.open = set(), [], [], []
        self.svg, self.outside = None, []

    def fault(self, text):
        self.faults.append(f"line {self.getpos()[0]}: {text}")

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        if "id" in values:
            if values["id"] in self.ids:
                self.fault(f"two elements have the id '{values['id']}'")
            self.ids.add(values["id"])
        for name, value in values.items():
            if name == "style":
                self.style(value)
            elif name == "href" and tag == "a":
                self.link(value)
            elif name == "href" or name in FETCHED:
                for part in value.split(",") if name == "srcset" else [value]:
                    self.fetched(tag, part.strip().split(" ")[0] if name == "srcset" else part)
            elif name.startswith("on"):
                self.fault(f"<{tag}> runs a script ({name})")
            elif name in COORDINATES and self.svg is not None and re.search(r"(?i)nan|inf", value):
                self.fault(f"<{tag}> has a coordinate that is no number: {name}=\"{value[:60]}\"")
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.fault(f"<{tag}> has no place in the page")
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.fault("the page sends its reader elsewhere (meta refresh)")
        if tag == "img" and not values.get("alt", "").strip():
            self.fault("an <img> has no alt")
        if tag == "svg" and self.svg is None:
            self.svg = {"at": self.getpos()[0], "title": "", "desc": "", "marks": 0}
        elif self.svg is not None:
            self.svg_element(tag, values)
        if tag == "figure":
            self.open.append(("figure", {"at": self.getpos()[0], "content": 0}))
            return
        if tag in ("svg", "img", "table"):
            for name, state in self.open:
                if name == "figure":
                    state["content"] += 1
        if tag not in VOID:
            self.open.append((tag, values))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        names = [name for name, _ in self.open]
        if tag not in names:
            self.fault(f"</{tag}> closes nothing")
            return
        if names[-1] != tag and not {"p", "li"} & set(names[len(names) - names[::-1].index(tag):]):
            self.fault(f"</{tag}> closes <{names[-1]}>")
        while self.open:
            name, state = self.open.pop()
            if name == "figure" and not state["content"]:
                self.faults.append(f"line {state['at']}: a figure is empty")
            if name == "svg" and "svg" not in [other for other, _ in self.open]:
                self.end_svg()
            if name == tag:
                break

    def handle_data(self, data):
        inside = [name for name, _ in self.open]
        if inside and inside[-1] == "style":
            self.style(data)
        if self.svg is not None and inside and inside[-1] in ("title", "desc") and inside[-2] == "svg":
            self.svg[inside[-1]] += data.strip()

    def svg_element(self, tag, values):
        hidden = {"defs", "clippath", "mask", "marker", "symbol", "pattern"} & {name for name, _ in self.open}
        framing = FRAMES & set(values.get("class", "").split())
        drawn = values.get("d", "M").strip() != "" and values.get("points", "0").strip() != ""
        if tag in MARKS and not hidden and not framing and drawn:
            self.svg["marks"] += 1

    def end_svg(self):
        svg, self.svg = self.svg, None
        for part in ("title", "desc"):
            if not svg[part]:
                self.faults.append(f"line {svg['at']}: an <svg> has no <{part}>")
        if not svg["marks"]:
            self.faults.append(f"line {svg['at']}: an <svg> shows nothing: '{svg['title']}'")

    def style(self, text):
        for found in STYLE_ADDRESS.finditer(text):
            self.fetched("style", found.group(1) or found.group(2) or "")

    def fetched(self, tag, address):
        parts = urllib.parse.urlsplit(address)
        if parts.scheme == "data":
            return
        if parts.scheme or parts.netloc:
            self.fault(f"<{tag}> asks another host: {address[:80]}")
        else:
            self.links.append((self.getpos()[0], address))

    def link(self, address):
        parts = urllib.parse.urlsplit(address)
        if parts.scheme in ("http", "https", "mailto") or parts.netloc:
            self.outside.append(address)
        elif parts.scheme:
            self.fault(f"a link is of no known kind: {address[:80]}")
        else:
            self.links.append((self.getpos()[0], address))


class Markdown(Page):
    """A Markdown file of ours: links and pictures, anchors as <a id="...">."""

    LINK = re.compile(r"(!?)(?<!\\)\[((?:[^\]\\]|\\.)*)\]\(([^)\s]*)\)")

    def feed(self, text):
        for number, line in enumerate(text.split("\n"), 1):
            self.getpos = lambda number=number: (number, 0)
            for identifier in re.findall(r'<a id="([^"]*)">', line):
                if identifier in self.ids:
                    self.fault(f"two anchors have the id '{identifier}'")
                self.ids.add(identifier)
            for picture, words, address in self.LINK.findall(line):
                if picture and not words.strip():
                    self.fault("a picture has no text")
                self.fetched("picture", address) if picture else self.link(address)


def parsed(path, known):
    if path not in known and path.suffix == ".md":
        known[path] = Markdown()
        known[path].feed(path.read_text(encoding="utf-8"))
    if path not in known:
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        page.close()
        for name, _ in page.open:
            page.faults.append(f"end of file: <{name}> is not closed")
        if page.svg is not None:
            page.end_svg()
        known[path] = page
    return known[path]


def check(path, known):
    """The faults of a page, and the addresses of other hosts that it links to."""
    page = parsed(path, known)
    faults = list(page.faults)
    for line, address in page.links:
        parts = urllib.parse.urlsplit(address)
        target = path
        if parts.path:
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve()
            if parts.path.startswith("/"):
                faults.append(f"line {line}: a link is not relative: {address}")
                continue
            if not target.exists():
                faults.append(f"line {line}: a link leads to no file: {address}")
                continue
        fragment = urllib.parse.unquote(parts.fragment)
        if fragment and target.suffix in (".html", ".htm", ".md") and fragment not in parsed(target, known).ids:
            faults.append(f"line {line}: a link leads to no id: {address}")
        if not parts.path and not fragment:
            faults.append(f"line {line}: a link has no address")
    return faults, page.outside


PLOT = '<svg><title>t</title><desc>d</desc><path class="line" d="M0 0h1"/></svg>'
# What is planted, and a word of the fault that must be found. None: no fault.
PLANTED = [
    ('<p id="a">x <a href="#a">y</a> <a href="other.html#there">z</a> <a href="https://example.org/">w</a></p>', None),
    (f'<figure>{PLOT}<figcaption>c</figcaption></figure><img alt="a" src="data:image/png;base64,AA==">', None),
    ('<style>a { background: url(data:image/png;base64,AA==) } b { clip-path: url(#c) }</style><p id="c">x</p>', None),
    ('<a href="#nowhere">x</a>', "leads to no id"),
    ('<a href="missing.html">x</a>', "leads to no file"),
    ('<a href="other.html#nowhere">x</a>', "leads to no id"),
    ('<a href="/etc/hostname">x</a>', "not relative"),
    ('<a href="">x</a>', "no address"),
    ('<a href="javascript:alert(1)">x</a>', "no known kind"),
    ('<img alt="a" src="missing.png">', "leads to no file"),
    ('<img alt="a" src="https://example.org/a.png">', "another host"),
    ('<img alt="a" src="//example.org/a.png">', "another host"),
    ('<img alt="a" srcset="data:image/png;base64 1x, http://example.org/a.png 2x">', "another host"),
    ('<img src="data:image/png;base64,AA==">', "no alt"),
    ('<link rel="stylesheet" href="https://example.org/a.css">', "another host"),
    ('<style>@import "https://example.org/a.css";</style>', "another host"),
    ('<style>a { background: url( "http://example.org/a.png" ) }</style>', "another host"),
    ('<p style="background:url(http://example.org/a.png)">x</p>', "another host"),
    ('<script>1</script>', "no place"),
    ('<iframe src="other.html"></iframe>', "no place"),
    ('<p onclick="x()">x</p>', "runs a script"),
    ('<meta http-equiv="refresh" content="0">', "elsewhere"),
    ('<p id="a">x</p><p id="a">y</p>', "two elements"),
    ('<figure><figcaption>c</figcaption></figure>', "figure is empty"),
    ('<svg><desc>d</desc><path d="M0 0h1"/></svg>', "no <title>"),
    ('<svg><title>t</title><path d="M0 0h1"/></svg>', "no <desc>"),
    ('<svg><title></title><desc>d</desc><path d="M0 0h1"/></svg>', "no <title>"),
    ('<svg><title>t</title><desc>d</desc><g><title>inner</title></g></svg>', "shows nothing"),
    ('<svg><title>t</title><desc>d</desc><path class="grid" d="M0 0h1"/><path class="line s0" d=""/>'
     '<clipPath id="c"><rect width="1"/></clipPath></svg>', "shows nothing"),
    (PLOT.replace("M0 0h1", "M0 nanh1"), "no number"),
    ('<svg><title>t</title><desc>d</desc><image href="http://example.org/a.png"/></svg>', "another host"),
    ('<div><p>x</div></p>', "closes nothing"),
    ('<div><span>x</div>', "closes <span>"),
    ('<div>', "not closed"),
]

# The same for Markdown.
PLANTED_MARKDOWN = [
    ('<a id="a"></a>\n\n| [1](#a) | [x \\[y\\]](other.html#there) | ![p](other.html) \\[no\\](link)', None),
    ("[x](#nowhere)", "leads to no id"),
    ("[x](missing.html)", "leads to no file"),
    ("![x](missing.png)", "leads to no file"),
    ("![](other.html)", "no text"),
    ("![x](https://example.org/a.png)", "another host"),
    ('<a id="a"></a>\n<a id="a"></a>', "two anchors"),
]


def self_test():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        (folder / "other.html").write_text('<p id="there">x</p>')
        for body, expected in PLANTED + PLANTED_MARKDOWN:
            page = folder / ("page.md" if (body, expected) in PLANTED_MARKDOWN else "page.html")
            page.write_text(body)
            faults, _ = check(page, {})
            if (expected is None and faults) or (expected and not any(expected in fault for fault in faults)):
                wrong += 1
                print(f"{body}\n  expected: {expected}\n  found: {faults}")
        page = folder / "page.html"
        page.write_text('<a href="https://example.org/">x</a>')
        if check(page, {}) != ([], ["https://example.org/"]):
            wrong += 1
            print("a link to another host is not listed")
    print(f"{len(PLANTED + PLANTED_MARKDOWN) + 1} pages, {wrong} judged wrongly")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.split("\n\n", 1)[1].strip(), file=sys.stderr)
        return 2
    known, wrong = {}, 0
    for name in sys.argv[1:]:
        path = pathlib.Path(name).resolve()
        faults, outside = check(path, known)
        wrong += len(faults)
        for fault in faults:
            print(f"{name}: {fault}")
        for address in sorted(set(outside)):
            print(f"{name}: links to {address}")
        page = known[path]
        print(f"{name}: {len(page.ids)} ids, {len(page.links)} links, {len(faults)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
