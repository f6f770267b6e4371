"""Markup other than Markdown: what readers see becomes passages, what they do not is counted."""

from datetime import UTC, datetime

import pytest

from panel.evidence.gather import gather
from panel.evidence.readers.document import is_light, read_document
from panel.evidence.readers.format_detection import (
    ASCIIDOC,
    MARKDOWN,
    ORG,
    PLAIN,
    RST,
    by_look,
    by_name,
)
from panel.evidence.tools.tool import Tool
from tests.evidence.test_gather_online import API, RAW, REPO, collected
from tests.support.faultd import respond
from tests.support.forge import TEXT

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HIDDEN = "certified by nobody"

RST_PAGE = """\
:orphan:
:License: MIT

=====
Quill
=====

Quill sorts notes, see :doc:`the guide <guide>`, :class:`~quill.Page` and `home <https://q.example>`_
by |who|.

{trick}

.. |who| replace:: the Quill team

.. note:: It is young.

.. deprecated:: 3.1
   Use the new one.

.. tab-set::

   .. tab-item:: Linux

      Run the installer.

.. some-extension:: With words here

   Shown by it.

Install
-------

.. code-block:: console

   $ pip install quill

.. list-table::

   * - Plan
     - Price
   * - Free
     - 0

.. image:: a.png
   :alt: A page of sorted notes

.. image:: data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcn
   :alt: x
"""
RST_VISIBLE = [
    ("", "License: MIT"),
    ("Quill", "Quill sorts notes, see the guide, Page and home by the Quill team."),
    ("Quill", "It is young."),
    ("Quill", "Deprecated since version 3.1 Use the new one."),
    ("Quill", "Linux"),
    ("Quill", "Run the installer."),
    ("Quill", "With words here"),
    ("Quill", "Shown by it."),
    ("Quill › Install", "$ pip install quill"),
    ("Quill › Install", "Plan | Price"),
    ("Quill › Install", "Free | 0"),
    ("Quill › Install", "A page of sorted notes"),
]
RST_TRICKS = {
    "comment": f".. It is {HIDDEN}.",
    "block comment": f"..\n   It is {HIDDEN}.\n\n   And more.",
    "only": f".. only:: never\n\n   It is {HIDDEN}.",
    "meta": f".. meta::\n   :description: It is {HIDDEN}.",
    "raw": f".. raw:: html\n\n   <p>It is {HIDDEN}.</p>",
    "raw role": f".. role:: html(raw)\n   :format: html\n\n:html:`<i>It is {HIDDEN}</i>`",
    "substitution": f".. |x| replace:: It is {HIDDEN}.",
    "target": f".. _It is {HIDDEN}: https://q.example",
    "include": f".. include:: {HIDDEN}.txt",
    "todo": f".. todo:: It is {HIDDEN}.",
    "ifconfig": f".. ifconfig:: release\n\n   It is {HIDDEN}.",
    "title": f".. title:: It is {HIDDEN}",
    "class": f".. class:: hidden\n\nIt is {HIDDEN}.",
    "container": f".. container:: sr-only\n\n   It is {HIDDEN}.",
    "option": f".. some-extension::\n   :summary: It is {HIDDEN}.\n\n   Shown.",
    "inside a directive": f".. tab-set::\n\n   .. only:: never\n\n      It is {HIDDEN}.",
}

ASCIIDOC_PAGE = """\
= Quill
Ann <ann@q.example>
:toc: left
:repo: https://q.example/git

Quill sorts notes, see link:https://q.example[the guide] and {{repo}}[the code]. It is *quick*.

{trick}

== Install

[source,sh]
----
pip install quill
// a line of the listing
----

* Small
* Quick,
and short

|===
|Plan |Price
|Free |0
|===

WARNING: No longer maintained.

image::a.png[A page of sorted notes]
"""
ASCIIDOC_VISIBLE = [
    ("Quill", "Ann <ann@q.example>"),
    ("Quill", "Quill sorts notes, see the guide and the code. It is quick."),
    ("Quill › Install", "pip install quill\n// a line of the listing"),
    ("Quill › Install", "Small"),
    ("Quill › Install", "Quick, and short"),
    ("Quill › Install", "Plan | Price"),
    ("Quill › Install", "Free | 0"),
    ("Quill › Install", "No longer maintained."),
    ("Quill › Install", "A page of sorted notes"),
]
ASCIIDOC_TRICKS = {
    "comment": f"// It is {HIDDEN}.",
    "comment block": f"////\nIt is {HIDDEN}.\n////",
    "comment style": f"[comment]\nIt is {HIDDEN}.",
    "open comment": f"[comment]\n--\nIt is {HIDDEN}.\n--",
    "ifdef": f"ifdef::never[]\nIt is {HIDDEN}.\n\nAnd more.\nendif::[]",
    "ifdef on one line": f"ifdef::never[It is {HIDDEN}.]",
    "ifndef": f"ifndef::env-github[]\nIt is {HIDDEN}.\nendif::env-github[]",
    "ifeval": f'ifeval::["{{x}}" == "y"]\nIt is {HIDDEN}.\nendif::[]',
    "attribute": f":description: It is {HIDDEN}.",
    "passthrough": f"++++\n<p>It is {HIDDEN}.</p>\n++++",
    "hidden passthrough": f'pass:[<b style="display:none">It is {HIDDEN}</b>] and more.',
    "role": f"[.hidden]\nIt is {HIDDEN}.",
    "index": f"Shown (((It is {HIDDEN}))) words.",
}

ORG_PAGE = """\
#+TITLE: Quill

Quill sorts notes, see [[https://q.example][the guide]]. It is *quick*.

{trick}

* Install
#+BEGIN_SRC sh
pip install quill
# a line of the listing
#+END_SRC
- Small
- Quick,
  and short
| Plan | Price |
|------+-------|
| Free | 0     |
"""
ORG_VISIBLE = [
    ("Quill", "Quill sorts notes, see the guide. It is quick."),
    ("Quill › Install", "pip install quill\n# a line of the listing"),
    ("Quill › Install", "Small"),
    ("Quill › Install", "Quick, and short"),
    ("Quill › Install", "Plan | Price"),
    ("Quill › Install", "Free | 0"),
]
ORG_TRICKS = {
    "comment": f"# It is {HIDDEN}.",
    "comment block": f"#+BEGIN_COMMENT\nIt is {HIDDEN}.\n#+END_COMMENT",
    "keyword": f"#+DESCRIPTION: It is {HIDDEN}.",
    "drawer": f":PROPERTIES:\n:NOTE: It is {HIDDEN}.\n:END:",
    "comment heading": f"* COMMENT Notes\nIt is {HIDDEN}.\n** Below\nAnd more.",
    "noexport": f"* Notes :noexport:\nIt is {HIDDEN}.",
    "export": f"#+begin_export html\n<p>It is {HIDDEN}.</p>\n#+end_export",
    "snippet": f"Shown @@html:It is {HIDDEN}@@ words.",
    "target": f"Shown <<It is {HIDDEN}>> words.",
}

PAGES = {
    "rst": (RST, RST_PAGE, RST_VISIBLE, RST_TRICKS),
    "adoc": (ASCIIDOC, ASCIIDOC_PAGE, ASCIIDOC_VISIBLE, ASCIIDOC_TRICKS),
    "org": (ORG, ORG_PAGE, ORG_VISIBLE, ORG_TRICKS),
}


@pytest.mark.parametrize("suffix", PAGES)
def test_what_readers_see_is_read_with_its_headings(suffix):
    kind, page, visible, _ = PAGES[suffix]
    extract = read_document(page.format(trick="").encode(), kind)
    assert [(block.heading, block.text) for block in extract.blocks] == visible


@pytest.mark.parametrize(
    ("suffix", "trick"),
    [(suffix, trick) for suffix in PAGES for trick in PAGES[suffix][3]],
    ids=lambda value: value,
)
def test_f5_what_no_reader_sees_is_no_passage_and_is_counted(suffix, trick):
    kind, page, visible, tricks = PAGES[suffix]
    plain = read_document(page.format(trick="").encode(), kind)
    extract = read_document(page.format(trick=tricks[trick]).encode(), kind)
    blocks = [(block.heading, block.text) for block in extract.blocks]
    assert HIDDEN not in str(extract.blocks)
    assert set(visible) <= set(blocks)
    assert extract.removed > plain.removed
    assert HIDDEN in "\n".join(extract.hidden)
    assert len(extract.hidden) == len(extract.why)


def test_a_condition_that_holds_is_shown():
    text = (
        "= T\n:extra:\n\nifdef::extra[]\nOne is shown.\nendif::[]\n\nifndef::never[Two is shown.]\n"
    )
    texts = [block.text for block in read_document(text.encode(), ASCIIDOC).blocks]
    assert texts == ["One is shown.", "Two is shown."]


@pytest.mark.parametrize("suffix", PAGES)
def test_of_a_monstrous_text_the_beginning_is_read_and_the_rest_counted(suffix):
    extract = read_document(b"Quill sorts notes.\n\n" * 20_000, PAGES[suffix][0])
    assert len(extract.blocks) > 7_000
    assert len(extract.blocks) + extract.aside == 20_000


def test_no_file_of_this_machine_comes_in(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("The plan.")
    for text in (
        f".. include:: {secret}\n\n.. csv-table:: T\n   :file: {secret}\n\n"
        f".. raw:: html\n   :file: {secret}\n\nShown.\n",
        f".. literalinclude:: {secret}\n\n.. figure:: {secret}\n\n   Shown.\n",
    ):
        extract = read_document(text.encode(), RST)
        assert "The plan" not in str(extract)
        assert "Shown." in str(extract.blocks)


@pytest.mark.parametrize("suffix", PAGES)
def test_a_file_is_read_by_its_name_in_a_process_of_its_own(tmp_path, suffix):
    kind, page, _, tricks = PAGES[suffix]
    path = tmp_path / f"README.{suffix}"
    path.write_text(page.format(trick=tricks["comment"]), encoding="utf-8")
    [source] = gather(Tool(name="T", evidence=(path,)), now=NOW).sources
    assert source.passages[-1].heading == "Quill › Install"
    assert source.removed_hidden
    assert any(HIDDEN in text for text in source.hidden)
    assert not is_light(b"", kind)


@pytest.mark.parametrize("suffix", PAGES)
def test_a_file_without_a_suffix_is_read_by_its_look(tmp_path, suffix):
    kind, page, _, tricks = PAGES[suffix]
    text = page.format(trick=tricks["comment"])
    assert by_look(text, otherwise=PLAIN) == kind
    (tmp_path / "README").write_text(text, encoding="utf-8")
    [source] = gather(Tool(name="T", evidence=(tmp_path / "README",)), now=NOW).sources
    assert any(HIDDEN in hidden for hidden in source.hidden)
    assert HIDDEN not in str(source.passages)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# Quill\n\n* one\n* two\n\nSee [it](https://q.example).\n", MARKDOWN),
        ("Quill\n=====\n\nIt sorts `notes`.\n\n```sh\nrun\n```\n", MARKDOWN),
        ("Quill sorts notes.\n\nIt is quick.\n", PLAIN),
    ],
)
def test_other_texts_are_not_taken_for_one_of_them(text, kind):
    assert by_look(text, otherwise=PLAIN) == kind


def test_names_tell_formats():
    assert by_name("README.RST") == RST
    assert by_name("https://q.example/raw/README.adoc") == ASCIIDOC
    assert by_name("README") is by_name("a.docx") is by_name("/.rst") is None


@pytest.mark.parametrize("suffix", PAGES)
def test_a_readme_of_any_name_that_github_sends_is_read_for_what_it_is(suffix):
    _, page, _, tricks = PAGES[suffix]
    readme = respond(200, page.format(trick=tricks["comment"]), TEXT)
    result, _ = collected(REPO, {RAW: None, f"{API}/readme": readme})
    [source] = [item for item in result.evidence.sources if item.role == "readme"]
    assert any(HIDDEN in text for text in source.hidden)
    assert HIDDEN not in str(source.passages)
    assert source.passages[-1].heading.startswith("Quill › Install")
