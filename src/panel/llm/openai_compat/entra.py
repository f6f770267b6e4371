"""Sign-in to Azure without a key: a token of Microsoft Entra ID, through azure-identity."""

from typing import Final

from panel.foundation.errors import KeyRejected
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig

_SCOPE: Final = "https://cognitiveservices.azure.com/.default"


class EntraSignIn:
    """Tokens for one server, renewed in time, in one event loop."""

    def __init__(self, config: ProviderConfig) -> None:
        # Imported here: it is an extra, and costs half a second.
        from azure.identity.aio import DefaultAzureCredential, get_bearer_token_provider

        self._host = host_of(config.base_url or "")
        self._credential = DefaultAzureCredential()
        self._token = get_bearer_token_provider(self._credential, _SCOPE)

    async def token(self) -> str:
        """Return a token; raise `KeyRejected` where nothing on this machine is signed in."""
        from azure.core.exceptions import AzureError

        try:
            return await self._token()
        except AzureError:  # its words name each way that was tried, over many lines
            raise KeyRejected(
                f"{self._host}: there is neither a key nor a sign-in to Entra ID",
                hint="az login, or export AZURE_OPENAI_API_KEY=…",
            ) from None

    async def close(self) -> None:
        """Close the connections to the issuer of the tokens."""
        await self._credential.close()
