#!/usr/bin/env python3
"""Runs what README.md, the other pages beside it and docs/*.md print.

A comment line before a fenced block marks it:
  <!-- run -->               a `sh` block: run with `bash -e`
  <!-- file PATH -->         a file that a later block needs: written there
  <!-- compile -->           a `cpp` block: must compile; without a main() it stands inside a function
  <!-- compile and run -->   a `cpp` block: must compile, link and end with exit code 0
  <!-- from PATH -->         a quotation: its lines must stand in that file of the tree, letter for letter; a line `…`
                             alone leaves some out
The blocks of one page run one after the other in one folder that looks like a built clone: links to the sources, and to
the given build as build/release. So a later step finds what an earlier one left, and the clone stays clean. A relative
link in a text must lead to a file of the tree. Exit code 1 if anything fails.
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"<!-- (run|compile|compile and run|file \S+|from \S+) -->\s*\n+```(\w+)\n(.*?)^```", re.S | re.M)
LANGUAGE = {"run": "sh", "compile": "cpp", "compile and run": "cpp"}
FENCED = re.compile(r"^```.*?^```", re.S | re.M)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")


def whole_program(code):
    """The snippet as a translation unit: as it is with a main(), else inside a function, its includes first."""
    if re.search(r"^int main\(", code, re.M):
        return code
    includes = [line for line in code.splitlines() if line.startswith("#include")]
    body = [line for line in code.splitlines() if not line.startswith("#include")]
    return "\n".join(["#include <mien/mien.h>", *includes, "void snippet() {", *body, "}", ""])


def is_quotation(code, original):
    """Whether the parts of `code` between lines `…` stand in `original`, whole lines, one after the other."""
    position = 0
    original = "\n" + original
    for part in re.split(r"^\s*…\n", code, flags=re.M):
        found = original.find("\n" + part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def scratch_clone(folder, source, build):
    """Fills `folder` with links to the sources, and to the build as build/release."""
    for entry in source.iterdir():
        if entry.name not in ("build", ".git"):
            (folder / entry.name).symlink_to(entry)
    (folder / "build").mkdir()
    (folder / "build" / "release").symlink_to(build)


def run(command, folder, arguments):
    """(whether it went well, what it printed)"""
    environment = {**os.environ, "CXX": arguments.compiler, "CXXFLAGS": arguments.flags}
    result = subprocess.run(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode == 0, f"{result.stdout}exit code {result.returncode}\n"


def try_block(mark, language, code, folder, arguments):
    """(whether the block does what its mark says, what there is to tell)"""
    if mark.startswith("from "):
        quoted = arguments.source / mark.removeprefix("from ")
        return quoted.is_file() and is_quotation(code, quoted.read_text()), "this does not stand there\n"
    if mark.startswith("file "):
        written = folder / mark.removeprefix("file ")
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(code)
        return True, ""
    if language != LANGUAGE[mark]:
        return False, f"the block is {language}, not {LANGUAGE[mark]}\n"
    if mark == "run":
        return run(["bash", "-e", "-o", "pipefail", "-c", code], folder, arguments)
    (folder / "snippet.cpp").write_text(whole_program(code))
    compile_command = [arguments.compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable",
                       *shlex.split(arguments.flags), "-I", str(arguments.build / "include"), "snippet.cpp"]
    if mark == "compile":
        return run([*compile_command, "-fsyntax-only"], folder, arguments)
    libraries = [str(arguments.build / "libmien.a"), *shlex.split(arguments.libraries)]
    built, text = run([*compile_command, "-o", "snippet", *libraries], folder, arguments)
    return run(["./snippet"], folder, arguments) if built else (built, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--flags", default="", help="of the compiler, sanitizers for instance")
    parser.add_argument("--libraries", default="", help="what a program is linked with beside libmien.a")
    parser.add_argument("pages", nargs="*", type=pathlib.Path, help="these alone")
    arguments = parser.parse_args()
    arguments.source, arguments.build = arguments.source.resolve(), arguments.build.resolve()
    every_page = [*sorted(arguments.source.glob("*.md")), *sorted((arguments.source / "docs").glob("*.md"))]
    count = failures = 0
    for page in [page.resolve() for page in arguments.pages] or every_page:
        name, text = page.relative_to(arguments.source), page.read_text()
        for link in LINK.findall(FENCED.sub("", text)):
            if not (page.parent / link).exists():
                failures += 1
                print(f"{name}: FAILED: {link} is not there")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mien_documents_"))
        try:
            scratch_clone(folder, arguments.source, arguments.build)
            for block in BLOCK.finditer(text):
                place = f"{name}:{text.count(chr(10), 0, block.start()) + 1}: {block[1]}"
                count += 1
                passed, told = try_block(block[1], block[2], block[3], folder, arguments)
                failures += not passed
                print(f"{place}: passed" if passed else f"{place}: FAILED\n{block[3]}{told}", flush=True)
        finally:
            shutil.rmtree(folder)
    print(f"{count} blocks, {failures} failed")
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
