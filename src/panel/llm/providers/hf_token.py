"""The token of `hf auth login`, fresh: one had by a browser login runs out and is renewed.

The only module of this stage that imports huggingface_hub, and it does so when asked.
"""

from pathlib import Path


def fresh_token(file: str) -> str | None:
    """Return the token that belongs to a token file, renewed where it runs out within a day.

    May ask the Hub, and write the file anew. None where huggingface_hub knows another file or has
    no token: what the file holds is all there is then.
    """
    if not Path(file).with_name("stored_tokens").exists():  # no login that could be renewed
        return None
    # Imported here: it costs as much as the rest of a command, and only the router needs it.
    from huggingface_hub import constants, get_token

    if Path(constants.HF_TOKEN_PATH) != Path(file):
        return None
    try:
        return get_token()
    except Exception:  # whatever it met, the file's own token may still be good
        return None
