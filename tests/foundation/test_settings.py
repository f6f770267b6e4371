"""panel.toml and PANEL_* variables become one frozen value, or an error that names the key."""

from pathlib import Path

import pytest

from panel.foundation.errors import SettingsError
from panel.foundation.settings import Settings, load_settings


def write(folder, text):
    file = folder / "panel.toml"
    file.write_text(text)
    return file


def test_without_a_file_every_setting_has_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()


def test_the_file_in_the_current_folder_is_read_without_being_named(tmp_path, monkeypatch):
    write(tmp_path, 'provider = "groq"\n[rule]\nship_at = 70\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {})
    assert (settings.provider, settings.rule.ship_at) == ("groq", 70.0)


def test_a_file_can_be_named_by_argument_or_by_variable(tmp_path):
    file = write(tmp_path, 'model = "m"')
    assert load_settings(file, {}).model == "m"
    assert load_settings(None, {"PANEL_CONFIG_FILE": str(file)}).model == "m"


def test_variables_go_over_the_file_and_a_provider_drops_the_files_model(tmp_path):
    file = write(tmp_path, 'provider = "local"\nmodel = "small"\nruns = "here"')
    settings = load_settings(file, {"PANEL_PROVIDER": "groq", "PANEL_RUNS": "/there"})
    assert (settings.provider, settings.model, settings.runs) == ("groq", None, Path("/there"))
    assert load_settings(file, {"PANEL_MODEL": "big"}).model == "big"


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('provder = "x"', "provder", "did you mean provider?"),
        ("[rule]\nship_att = 1", "rule.ship_att", "did you mean ship_at?"),
        ('[providers.mine]\nbase_ulr = "x"', "providers.mine.base_ulr", "did you mean base_url?"),
        ("zzzzzz = 1", "zzzzzz", "known here: ask, bill_to"),
    ],
)
def test_an_unknown_key_names_file_key_and_the_nearest_known_one(tmp_path, text, key, hint):
    file = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert str(file) in caught.value.message
    assert key in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["concurrency = 0", "concurrency = 1e9", "[rule]\nship_at = 101", "[rule]\nquorum = nan",
     "[rule]\nunclear_band = 0.5", 'ask = "loudly"', "provider = 7", "runs = 7", "not toml at all",
     "[providers.x]\ndeadline = 0", '[providers.x]\nformat = "xml"', "a = " + "[" * 5000],
)  # fmt: skip
def test_impossible_values_are_one_line_that_names_the_file(tmp_path, text):
    file = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message


def test_o4_a_rejected_value_is_not_shown_for_it_may_be_a_secret(tmp_path):
    file = write(
        tmp_path, '[providers.x]\nheaders = "CANARY-KEY-123"\nbase_url = ["CANARY-KEY-123"]'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert "CANARY" not in f"{caught.value.message} {caught.value.hint}"


def test_a_file_that_is_missing_or_not_text_is_named(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path / "absent.toml", {})
    (tmp_path / "panel.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path / "panel.toml", {})
