"""Which local files a list may name: none outside its folder, none hidden, no key of anybody."""

import pytest

from panel.evidence.tools.tool_list import read_tools, single_tool
from panel.foundation.errors import ToolError

BODY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUx"

KEYS = {
    "pem": f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n",
    "rsa": f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{BODY}\n",
    "ssh": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----\n",
    "pgp": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{BODY}\n",
    "in a page": f"# Notes\n\nThe key:\n\n-----BEGIN EC PRIVATE KEY-----\n{BODY}\n",
    "age": "# created: 2026\nAGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n",
    "putty": "PuTTY-User-Key-File-3: ssh-ed25519\n",
    "netrc": "machine forge.example\n  login ann\n  password hunter2000\n",
    "service account": '{"private_key": "-----BEGIN PRIVATE KEY-----\\nMII"}\n',
}


@pytest.fixture
def home(tmp_path):
    """A folder of lists beside other people's files."""
    for name in (
        "lists/a.md", "lists/sub/b.md", "lists/.env", "lists/.git/c.md", "lists/id_ed25519",
        "lists/server.pem", "lists/credentials", "far.md", ".keys/secret.txt", "lists/id_cards.md",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Widget sorts lines.\n", encoding="utf-8")
    (tmp_path / "lists" / "link.md").symlink_to(tmp_path / "far.md")
    (tmp_path / "lists" / "env.md").symlink_to(tmp_path / "lists" / ".env")
    return tmp_path


def write_list(home, name, *, suffix="yaml", **options):
    text = {
        "yaml": f"- name: Alpha\n  description: x\n- name: Beta\n  evidence: ['{name}']\n",
        "csv": f"name,description,evidence\nAlpha,x,\nBeta,,{name}\n",
    }[suffix]
    path = home / "lists" / f"tools.{suffix}"
    path.write_text(text, encoding="utf-8")
    return read_tools(path, **options)


@pytest.mark.parametrize("name", ["a.md", "sub/b.md", "sub/../a.md", "id_cards.md"])
def test_a_list_may_name_files_in_its_folder(home, name):
    assert write_list(home, name).tools[1].evidence == ((home / "lists" / name).resolve(),)


@pytest.mark.parametrize("suffix", ["yaml", "csv"])
@pytest.mark.parametrize("name", ["../far.md", "link.md", "sub/../../far.md", "{home}/far.md"])
def test_files_outside_need_the_option_and_the_error_says_so(home, name, suffix):
    name = name.format(home=home)
    with pytest.raises(ToolError) as caught:
        write_list(home, name, suffix=suffix)
    line = {"yaml": 4, "csv": 3}[suffix]
    assert f"tools.{suffix} line {line}: evidence {name!r} lies outside" in caught.value.message
    assert "--allow-outside" in (caught.value.hint or "")
    allowed = write_list(home, name, suffix=suffix, allow_outside=True)
    assert allowed.tools[1].evidence == (home / "far.md",)


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "env.md",
        ".git/c.md",
        "../.keys/secret.txt",
        "id_ed25519",
        "server.pem",
        "credentials",
    ],
)
def test_hidden_files_and_keys_are_no_evidence_whatever_is_allowed(home, name, allow):
    with pytest.raises(ToolError, match=r"is not read|not sent"):
        write_list(home, name, allow_outside=allow)


@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS)
def test_a_private_key_is_known_by_what_it_says(home, text):
    (home / "lists" / "notes.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match="private key") as caught:
        write_list(home, "notes.txt", allow_outside=True)
    with pytest.raises(ToolError, match="private key"):
        single_tool("Beta", evidence=[home / "lists" / "notes.txt"])
    assert BODY[:20] not in str(caught.value)


def test_a_page_about_keys_is_a_page(home):
    text = "# Keys\n\nPaste it between `-----BEGIN PRIVATE KEY-----` and the end:\n\n"
    text += "    -----BEGIN PRIVATE KEY-----\n    ...\n    -----END PRIVATE KEY-----\n"
    (home / "lists" / "keys.md").write_text(text, encoding="utf-8")
    assert write_list(home, "keys.md").tools[1].evidence


def test_what_the_user_names_himself_may_lie_anywhere_but_secrets_are_refused(home):
    plain = home / ".keys" / "secret.txt"
    assert single_tool("Beta", evidence=[home / "far.md", plain]).evidence
    (home / ".hidden").write_text("API_TOKEN=abcdef123456\n", encoding="utf-8")
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config.md").write_text("Host x\n", encoding="utf-8")
    for name in (".hidden", "lists/.env", ".ssh/config.md", "lists/server.pem"):
        with pytest.raises(ToolError, match="not sent anywhere"):
            single_tool("Beta", evidence=[home / name])


@pytest.mark.parametrize("name", ["../../far.md", "a.md", "/etc/hostname"])
def test_a_name_that_looks_like_a_path_is_a_name(home, name, monkeypatch):
    # What a visitor of `panel serve` writes into its form comes this way.
    monkeypatch.chdir(home / "lists")
    assert single_tool(name, description="x").evidence == ()


def test_a_refused_list_ends_with_2_and_asks_nobody(desk):
    desk.write("secret.txt", "The plan.\n")
    desk.write(
        "lists/tools.yaml", "- {name: A, description: x}\n- {name: B, evidence: [../secret.txt]}\n"
    )
    nobody = ("--provider", "http://127.0.0.1:9/v1", "--model", "m")
    for command in (
        ("batch", "lists/tools.yaml", *nobody),
        ("review", "--list", "lists/tools.yaml", "--tool", "A", *nobody),
        ("evidence", "--list", "lists/tools.yaml", "--tool", "A"),
    ):
        process = desk.run(*command)
        assert process.returncode == 2
        assert "lists/tools.yaml line 2: evidence '../secret.txt' lies outside" in process.stderr
        assert "hint: add --allow-outside" in process.stderr
        assert process.stdout == ""
    assert not (desk.folder / "runs").exists()
    process = desk.run("evidence", "--list", "lists/tools.yaml", "B", "--allow-outside")
    assert "The plan." in process.stdout
