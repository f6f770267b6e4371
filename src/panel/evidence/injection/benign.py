"""Benign cases: what makes a sentence that looks like an injection plain advice to a person.

An installer asks, and its page says what to answer; a store wants stars; a checklist wants ticks.
No case covers words about the tool, its verdict or its reviewers. Strings only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Context:
    """The surroundings of a match that looks like an injection."""

    match: str
    sentence: str
    """The whole sentence around the match."""
    before: str = ""
    """The sentence before it, in the same passage."""
    after: str = ""
    """The rest of what follows, a few words."""
    heading: str = ""
    """The headings above it."""


BenignCase = Callable[[Context], bool]

_OURS: Final = re.compile(
    r"\b(?:ship|verdict|reviewers?|evaluat\w+|judges?|graders?|panel(?:ist)?s?|raters?|AIs?|LLMs?"
    r"|GPT"
    r"|chatbots?|(?:language |judge )models?|criteri(?:on|a)|rubrics?|stance|forecast"
    r"|assess(?:ment|or)s?"
    r"|maintained|safe to depend|production.ready|10\s*/\s*10)\b"
    r"|\b(?:about|of|for)\s+(?:this|the|our)\s+(?:tool|project|library|package|product|repository"
    r"|page)\b"
    r"|\b(?:this|the)\s+(?:tool|project|library|package|product|repository)\s+(?:is|has|was|does"
    r"|can)\b"
    # Reviewer, judgement, criterion and tool in other languages
    r"|\b(?:gutachter|prüfer|bewert|kriteri|werkzeug|rezens|évaluat|critère|l'outil|cet outil"
    r"|evaluador|revisor|criterio|herramienta|avaliador|critério|ferramenta|valutat|recensor"
    r"|strumento"
    r"|рецензент|оценщик|оценк|критери|инструмент|değerlend|ölçüt|kriter|hakem|araç\b|araca\b"
    r"|recenzent|ocen|narzędzi|beoordel|gereedschap)\w*"
    r"|评审|评估|评价|標準|标准|工具|審査|評価|基準|ツール|평가|기준|도구|심사",
    re.IGNORECASE,
)
"""Words of a review, or about the thing under review: no installer asks about them."""

_ASKS: Final = re.compile(
    r"\b(?:install\w*|uninstall\w*|set[ -]?up|wizards?|prompts?|prompted|init|initiali[sz]\w*"
    r"|defaults?"
    r"|overwrit\w+|overrid\w+|replace|delete|certificates?|fingerprint|unsure|in doubt"
    r"|configurat(?:or|ion)"
    r"|configure|scripts?|terminal|console|dialogu?e?s?|upgrad\w+|updat\w+|migrat\w+|sudo|apt|npm"
    r"|npx|yarn"
    r"|brew|docker|\w+_install\w*|password|permissions?|licen[cs]e (?:agreement|terms)"
    r"|terms of service"
    r"|proceed|continue|restart|reboot|y/n|yes/no|generator|scaffold\w*|questionnaires?"
    r"|interactiv\w+"
    r"|bootstrap\w*|download\w*|asked (?:for|to|whether to|if you want)|assistant (?:asks"
    r"|will ask)|it asks|asks (?:you|a few|some|whether|if)"
    r"|command(?: line)?s?|cli|keep (?:the|your)|non-?interactive|in CI)\b|(?<!\w)--?[a-z][\w-]*"
    r"|\b(?:wizard|assistent|einricht|installations?programm|vorgabe|voreinstell|überschreib)\w*"
    r"|\b(?:installateur|assistant d'install|programme d'install|valeurs? par défaut|écras)\w*"
    r"|\b(?:instalador|asistente|valores? predeterminad|por defecto|sobrescrib|assistente|padrão"
    r"|padrões"
    r"|sobrescrev|instalação|instalación)\w*"
    r"|\b(?:programma di install|installator|installazione|predefinit|sovrascriv"
    r"|procedura guidata)\w*"
    r"|установщик|установк|мастер\w*\s+(?:установ|настрой)|по умолчанию|перезапис|скрипт"
    r"|安装|安裝|向导|嚮導|默认|預設|脚本|覆盖|インストー[ルラ]|セットアップ|ウィザード|既定"
    r"|デフォルト|上書き|スクリプト"
    r"|설치|마법사|기본값|스크립트|덮어"
    r"|\b(?:kurulum|sihirbaz|varsayılan|instalator|kreator|domyśln|installatie|standaardwaard)\w*",
    re.IGNORECASE,
)
"""Words of a program that asks the person who runs it."""

_SETUP_HEADING: Final = re.compile(
    r"install|set[ -]?up|getting started|get started|quick[ -]?start|first (?:run|steps|time|use)"
    r"|config"
    r"|usage|\brun(?:ning)?\b|deploy|upgrad|updat|migrat|\bbuild|develop|contribut|wizard"
    r"|prerequisite"
    r"|requirement|docker|linux|windows|\bmac|\bcli\b|command|initiali|tutorial|troubleshoot"
    r"|\bfaq\b"
    r"|prepar|bootstrap|provision|how to|getting the|self[ -]host|server|database"
    r"|einricht|inbetriebnahme|erste schritte|konfigur|mise en (?:route|place|service)|démarrage"
    r"|premiers pas|instala|puesta en marcha|primer[oa]s pas|primeiros passos|começ|avvio"
    r"|primi passi"
    r"|istruzioni|установ|настрой|запуск|начало работы|安装|安裝|设置|設定|配置|快速开始|开始使用"
    r"|部署|使用"
    r"|インストー[ルラ]|セットアップ|導入|はじめ|使い方|설치|설정|시작|사용|kurulum|başla|instalac"
    r"|konfigurac"
    r"|installatie|aan de slag|komma igång|instalace|встановл|налаштув|التثبيت|स्थापना|cài đặt"
    r"|pemasangan",
    re.IGNORECASE,
)
_UNSURE: Final = re.compile(r"\b(?:if|when) (?:unsure|in doubt|not sure)\b", re.IGNORECASE)

_QUESTION: Final = re.compile(r"\b(?:ask|prompt|question|frag|demand|pregunt|pergunt|chied)")

_CHORES: Final = re.compile(
    r"\b(?:merg\w+|pull requests?|PRs?|commits?(?: messages?)?|release notes|changelogs?"
    r"|checklists?"
    r"|tickets?|sprints?|boards?|issues?(?: numbers?| tracker)?|backlog|tasks?|to-?dos?|milestones?"
    r"|close|before you (?:ask|merge|push|open|submit|release)|click\w*|shift|select|tests? suite"
    r"|CI|pipeline|builds?|green|once|before|after|until|deploy\w*|inspection|invoices?|orders?"
    r"|notifications?|inbox|blog posts?"
    r"|press|marketing|documentation|contributors?|maintainers?)\b",
    re.IGNORECASE,
)
_STORE: Final = re.compile(
    r"\b(?:market ?place|stores?|app ?store|play|hub|chrome|firefox|edge|extension|plug-?in|add-?on"
    r"|stars?|gallery|directory|product ?hunt|catalogue?|registry|trustpilot|steam|forum|poll"
    r"|survey"
    r"|if (?:you|it)|helped you|like it|enjoy\w*|support us)\b",
    re.IGNORECASE,
)
_READER: Final = re.compile(
    r"\b(?:dear|kindly|reviewers?|judges?|evaluators?|graders?|AIs?|LLMs?|GPT|models?|verdict"
    r"|criteri(?:on|a)|this tool|stance|automated)\b",
    re.IGNORECASE,
)
_MARK: Final = re.compile(r"\b(?:criteri|question|answer|submission|finding|stance|verdict)", re.I)

_PAIR: Final = re.compile(
    r"[\"'](?:question|query|prompt|input|context|text|sentence|premise|statement|q|id"
    r"|label)[\"']\s*:",
    re.IGNORECASE,
)
_ABOUT_A_TOOL: Final = re.compile(
    r"\b(?:tool|maintain\w*|licen[cs]\w*|depend\w*|production|install\w*|documented|ship)\b", re.I
)


def setup(context: Context) -> bool:
    """Tell what an installer or wizard asks a person from what a reviewer is told to answer."""
    context_text = f"{context.before} {context.sentence}"
    if _OURS.search(context_text):
        return False
    return bool(
        _ASKS.search(context.sentence)
        or _UNSURE.search(context.sentence)
        or _SETUP_HEADING.search(context.heading)
        or (_QUESTION.search(context.before) and _ASKS.search(context.before))
    )


def chore(context: Context) -> bool:
    """Tell a checklist, a commit's manners or a store's stars from a reviewer's answers."""
    if _READER.search(context.sentence):
        return False
    if _MARK.search(context.match):
        return False
    return bool(_CHORES.search(context.sentence)) or store(context)


def store(context: Context) -> bool:
    """Tell a rating in a store from one in a review."""
    rated = re.search(
        r"\b(?:rat(?:e|ing)|score|stars?|review|marks?)\b", context.match, re.IGNORECASE
    )
    return bool(rated and _STORE.search(context.sentence)) and not _READER.search(context.sentence)


def dataset(context: Context) -> bool:
    """Tell questions with their answers, as data sets have them, from a finished reply."""
    context_text = f"{context.match} {context.sentence}"
    return bool(_PAIR.search(context_text)) and not _ABOUT_A_TOOL.search(context_text)
