"""What the user can fix: files, settings, names. Asking again would not help."""

from panel.foundation.errors.root import PanelError


class InputError(PanelError):
    """What was asked cannot be done as asked."""

    exit_code = 2


class ToolError(InputError):
    """A tool, a tool list or an evidence file cannot be used."""


class PersonaError(InputError):
    """A persona file breaks its contract."""


class PromptError(InputError):
    """A prompt template breaks its contract."""


class SettingsError(InputError):
    """A setting is unknown or has an impossible value."""


class ProviderError(InputError):
    """The provider is unknown, or not fully named."""


class MissingKey(InputError):
    """The provider needs a key and none was found."""


class ModelError(InputError):
    """A local model cannot be found, fetched or trusted."""
