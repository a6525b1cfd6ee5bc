#!/usr/bin/env python3
"""Runs what README.md and docs/*.md print.

A comment line before a fenced block marks it:
  <!-- run -->               a `sh` block: run with `bash -e`, in a folder that looks like a built clone
  <!-- compile -->           a `cpp` block: must compile; without a main() it stands inside a function
  <!-- compile and run -->   a `cpp` block: must compile, link and end with exit code 0
Exit code 1 if any fails. Relative paths and `build/release` in a block mean a scratch folder with links to the sources
and to the given build, so a block may write where it likes.
"""
import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"<!-- (run|compile|compile and run) -->\s*\n+```(\w+)\n(.*?)^```", re.S | re.M)
LANGUAGE = {"run": "sh", "compile": "cpp", "compile and run": "cpp"}


def blocks(text):
    """(line, mark, language, code) of each marked block."""
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1], match[2], match[3]


def whole_program(code):
    """The snippet as a translation unit: as it is with a main(), else inside a function, its includes first."""
    if re.search(r"^int main\(", code, re.M):
        return code
    includes = [line for line in code.splitlines() if line.startswith("#include")]
    body = [line for line in code.splitlines() if not line.startswith("#include")]
    return "\n".join(["#include <mien/mien.h>", *includes, "void snippet() {", *body, "}", ""])


def scratch_clone(folder, source, build):
    """Fills `folder` with links to the sources, and to the build as build/release."""
    for entry in source.iterdir():
        if entry.name not in ("build", ".git"):
            (folder / entry.name).symlink_to(entry)
    (folder / "build").mkdir()
    (folder / "build" / "release").symlink_to(build)


def run_block(mark, code, folder, arguments):
    """The finished process of one block."""
    if mark == "run":
        command = ["bash", "-e", "-c", code]
    else:
        program = folder / "snippet.cpp"
        program.write_text(whole_program(code))
        compile_command = [arguments.compiler, "-std=c++20", "-Wall", "-Wextra", "-Wno-unused-variable", *shlex.split(arguments.flags),
                           "-I", str(arguments.build / "include"), str(program)]
        if mark == "compile":
            command = compile_command + ["-fsyntax-only"]
        else:
            built = subprocess.run(compile_command + ["-o", "snippet", str(arguments.build / "libmien.a"), *shlex.split(arguments.libraries)],
                                   cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if built.returncode:
                return built
            command = ["./snippet"]
    return subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--flags", default="", help="of the compiler, sanitizers for instance")
    parser.add_argument("--libraries", default="", help="what a program is linked with beside libmien.a")
    arguments = parser.parse_args()
    count = failures = 0
    for document in [arguments.source / "README.md", *sorted((arguments.source / "docs").glob("*.md"))]:
        for line, mark, language, code in blocks(document.read_text()):
            place = f"{document.relative_to(arguments.source)}:{line}: {mark}"
            count += 1
            if language != LANGUAGE[mark]:
                failures += 1
                print(f"{place}: FAILED: the block is {language}, not {LANGUAGE[mark]}")
                continue
            folder = pathlib.Path(tempfile.mkdtemp(prefix="mien_documents_"))
            try:
                scratch_clone(folder, arguments.source, arguments.build)
                result = run_block(mark, code, folder, arguments)
            finally:
                shutil.rmtree(folder)
            if result.returncode:
                failures += 1
                print(f"{place}: FAILED with exit code {result.returncode}\n{code}{result.stdout}")
            else:
                print(f"{place}: passed")
    print(f"{count} blocks, {failures} failed")
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
