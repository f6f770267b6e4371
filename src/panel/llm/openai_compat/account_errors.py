"""Errors about the account behind a request: its credit, its key, what it may do, its model."""

from typing import Final

from panel.foundation.errors import KeyRejected, ModelNotFound, QuotaSpent
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat import error_patterns
from panel.llm.openai_compat.failed_response import RefusedCall
from panel.llm.openai_compat.redact import Redactor
from panel.llm.providers.table import provider_table
from panel.llm.providers.urls import host_of

_HF_CREDIT: Final = "https://huggingface.co/settings/billing"


class AccountErrors:
    """Says what stands in the way of one target's account, and what to do about it."""

    def __init__(self, target: ProviderConfig, redactor: Redactor) -> None:
        self._target = target
        self._redact = redactor
        self._host = host_of(target.base_url or "")

    def quota_spent(self, case: RefusedCall) -> QuotaSpent:
        """Return the error of an account without credit, or with its quota spent."""
        return QuotaSpent(f"{self._host}: no credit left {case.told}{case.words}",
                          hint=self._top_up())  # fmt: skip

    def key_rejected(self, case: RefusedCall) -> KeyRejected | None:
        """Return the error of a key, or of an account that may not do this; None for others."""
        bad_key = error_patterns.BAD_KEY.search(case.text) is not None and case.status < 500
        if case.status not in (401, 403, 451) and not bad_key:
            return None
        about_key = (
            bad_key or case.status == 401 or error_patterns.KEY.search(case.text) is not None
        )
        fault = self._rejected(case, about_key)
        known = error_patterns.ACCOUNT.search(case.text) or error_patterns.BARRED.search(case.text)
        fault.certain = bool(about_key or known)
        return fault

    def no_model(self, case: RefusedCall) -> ModelNotFound:
        """Return the error of a model that is not served."""
        model = self._redact.line(self._target.wire_model, limit=120)
        return ModelNotFound(
            f"{self._host} does not serve the model {model} {case.told}{case.words}",
            hint="--model NAME, another --provider, or an address that ends in /v1",
        )

    def _rejected(self, case: RefusedCall, about_key: bool) -> KeyRejected:
        where = self._target.key_from or "this server's settings"
        hint = "name the server in panel.toml: [providers.NAME] with base_url and key_env"
        place = f": {url}" if (url := self._key_url()) else ""
        if self._target.key is None and about_key:
            what = f"wants a key {case.told} and none is set"
        elif self._target.key is None:
            what = f"does not allow this {case.told}"
        elif about_key:
            what = f"rejects the key in {where} {case.told}"
            hint = f"check {where}{place}"
        else:
            what = f"does not allow this with the key in {where} {case.told}"
            hint = f"check what {where} and its account may do{place}"
        return KeyRejected(f"{self._host} {what}{case.words}", hint=hint)

    def _top_up(self) -> str:
        if self._is_router():
            return (
                f"a free account has no credit: buy some at {_HF_CREDIT}, name an organisation"
                " that pays with --bill-to, or use --provider local"
            )
        where = f" where its key is had: {url}" if (url := self._key_url()) else ""
        return f"add credit{where}, or use another account, another --provider or --provider local"

    def _is_router(self) -> bool:
        return self._host == host_of(provider_table().router.base_url or "")

    def _key_url(self) -> str:
        table = provider_table()
        if self._is_router():
            return table.router.key_url or ""
        rows = (row for row in table.rows.values() if host_of(row.base_url or "") == self._host)
        return next((row.key_url for row in rows if row.key_url), "")
