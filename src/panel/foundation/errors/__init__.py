"""Every error of panel, split by whether the user or the other side can mend it.

    PanelError
    ├── InputError            the user can fix it; asking again will not   (exit 2)
    │   ├── ToolError         a tool, tool list or evidence file cannot be used
    │   ├── PersonaError      a persona file breaks its contract
    │   ├── PromptError       a prompt template breaks its contract
    │   ├── SettingsError     panel.toml, an environment variable or an option is wrong
    │   ├── ProviderError     unknown provider, or one that is not fully named
    │   ├── MissingKey        the provider needs a key and none is there
    │   └── ModelError        a local model cannot be found, fetched or trusted
    ├── RunError              a run cannot be read, locked or resumed      (exit 2)
    │   └── RunStopped        it stopped early and can be resumed          (exit 3)
    │       └── DiskFull      no room left for the journal or a file
    ├── CommunityError        a vote, an address, a link or a request is turned down (exit 2)
    │   ├── AddressError      no address that mail can be sent to
    │   ├── TokenError        a mailed link is forged, expired or used already
    │   ├── Banned            the identity may not vote any more
    │   ├── QueueFull         enough review requests are waiting already
    │   ├── BudgetSpent       enough were asked for today, by one person or by all
    │   └── Unkeepable        a number or letters that no database keeps
    ├── DatabaseError         the database cannot be used as it is   (exit 2)
    │   └── DatabaseDown      it does not answer now; what it acknowledged is kept (exit 3)
    │       └── DatabaseFull  it has no room left
    ├── FetchError            a page or document could not be had as evidence
    │   ├── Blocked           its address is none that panel may connect to
    │   ├── TooLarge  TooSlow
    │   ├── BadResponse       a status, or bytes, that are no page
    │   ├── NoAnswer          no such host, or no connection
    │   └── Unparseable       its bytes are no document that can be read
    ├── MailError             the mail server did not take a mail
    │   ├── MailRefused       it will not work for us at all: key, sender, encryption  (exit 2)
    │   ├── MailRejected      not for this recipient, and it never will
    │   ├── MailDeferred      not now: trying again later may help
    │   └── MailUncertain     the line broke after the whole mail was handed over
    └── CallError             one question to a model got no usable answer
        ├── Transient                                 trying again may help
        │   └── RateLimited  Unreachable
        │       └── Untrusted                         its certificate: the run stops
        ├── TimedOut                                  its one total deadline passed
        ├── KeyRejected  QuotaSpent  ModelNotFound    no later call can succeed: the run stops
        ├── NotStored                                 a replayed run lacks the answer: likewise
        └── BadReply  Refused  Empty  Filtered  Truncated    answered, but not with an answer
            ├── FormatRefused  ParameterRefused       the server names what it turns down
            └── NeedsRoom                             asked again with more tokens

A message is one line without markup and never holds a key. `hint` is the next thing to type.
"""

from panel.foundation.errors.community import (
    AddressError,
    Banned,
    BudgetSpent,
    CommunityError,
    DatabaseDown,
    DatabaseError,
    DatabaseFull,
    QueueFull,
    TokenError,
    Unkeepable,
)
from panel.foundation.errors.fetch import (
    BadResponse,
    Blocked,
    FetchError,
    NoAnswer,
    TooLarge,
    TooSlow,
    Unparseable,
)
from panel.foundation.errors.input import (
    InputError,
    MissingKey,
    ModelError,
    PersonaError,
    PromptError,
    ProviderError,
    SettingsError,
    ToolError,
)
from panel.foundation.errors.llm import (
    PASSING,
    REASONS,
    BadReply,
    CallError,
    Empty,
    Filtered,
    FormatRefused,
    KeyRejected,
    MissingReason,
    ModelNotFound,
    NeedsRoom,
    NotStored,
    ParameterRefused,
    QuotaSpent,
    RateLimited,
    Refused,
    TimedOut,
    Transient,
    Truncated,
    Unreachable,
    Untrusted,
    call_error,
)
from panel.foundation.errors.mail import (
    MailDeferred,
    MailError,
    MailRefused,
    MailRejected,
    MailUncertain,
)
from panel.foundation.errors.root import PanelError
from panel.foundation.errors.run import DiskFull, RunError, RunStopped

__all__ = [
    "PASSING",
    "REASONS",
    "AddressError",
    "BadReply",
    "BadResponse",
    "Banned",
    "Blocked",
    "BudgetSpent",
    "CallError",
    "CommunityError",
    "DatabaseDown",
    "DatabaseError",
    "DatabaseFull",
    "DiskFull",
    "Empty",
    "FetchError",
    "Filtered",
    "FormatRefused",
    "InputError",
    "KeyRejected",
    "MailDeferred",
    "MailError",
    "MailRefused",
    "MailRejected",
    "MailUncertain",
    "MissingKey",
    "MissingReason",
    "ModelError",
    "ModelNotFound",
    "NeedsRoom",
    "NoAnswer",
    "NotStored",
    "PanelError",
    "ParameterRefused",
    "PersonaError",
    "PromptError",
    "ProviderError",
    "QueueFull",
    "QuotaSpent",
    "RateLimited",
    "Refused",
    "RunError",
    "RunStopped",
    "SettingsError",
    "TimedOut",
    "TokenError",
    "TooLarge",
    "TooSlow",
    "ToolError",
    "Transient",
    "Truncated",
    "Unkeepable",
    "Unparseable",
    "Unreachable",
    "Untrusted",
    "call_error",
]
