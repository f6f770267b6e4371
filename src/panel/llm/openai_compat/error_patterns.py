"""The words servers use, by what they mean: one pattern a meaning, none of them a vendor's own.

`ErrorReader` tries them in an order of its own: the first that matches decides.
"""

import re
from typing import Final


def _any(*forms: str) -> re.Pattern[str]:
    return re.compile("|".join(forms), re.IGNORECASE | re.DOTALL)


SPENT: Final = _any(
    r"(?:insufficient|not[ _-]enough|inadequate)[ _-]?(?:account[ _-]?|user[ _-]?|api[ _-]?)?"
    r"(?:balance|credit|fund|money)",
    r"(?:balance|credits?|funds)\b.{0,20}\b(?:is|are|has|have|was|were|been)?\W{0,3}(?:too low"
    r"|insufficient|exhausted|depleted|used up|not (?:enough|sufficient)|zero|negative|run out"
    r"|overdue|ran out|spent|expired)",
    r"(?:used(?: up)?|spent|depleted|exhausted|run out of|ran out of|out of|no more|no remaining"
    r"|have no|has no|not have (?:any|enough|sufficient)|(?:doesn|don)['’]?t have (?:any|enough)"
    r"|exceeded|not) (?:\w+ ){0,4}(?:credits?|balance|funds|prepaid)\b(?! card)",
    r"credit[ _]limit[ _](?:exceeded|reached)|credits? (?:are |is )?required",
    r"billing[ _]hard[ _]limit|hard billing limit|billing_not_active|exceeded_current_quota_error",
    r"(?:spend(?:ing)?|budget|usage budget)[ _](?:limit|cap)|budget (?:has been )?exceeded"
    r"|over budget|exceeded (?:\w+ ){0,3}budget",
    r"overdue|arrear|past[ -]due|unpaid|failed payment|payment[ _](?:is )?required",
    r"\b(?:key|total|credit|monetary) limit (?:exceeded|reached)|setlimitexceeded"
    r"|set inference limit|trial (?:period )?(?:has |is )?(?:ended|expired|over)",
    r"terminal_quota_exhausted|quota_not_enough|consume_token_quota_failed",
    r"free (?:tier|quota|credits?|trial)\b.{0,40}(?:exhausted|expired|used up|has ended|is over)",
    r"(?:account|subscription|team|organi[sz]ation).{0,60}(?:suspended|not active|inactive).{0,120}"
    r"(?:billing|payment|invoice|spending|balance|plan)",
    # Chinese, Japanese, Korean; Spanish, Portuguese, French, Italian, German, Russian
    "余额不足|余额不够|欠费|请充值|额度不足|额度已(?:用尽|用完|耗尽)|额度失败|账户余额",
    "残高(?:が)?不足|クレジット(?:が|は)?(?:不足|ありません)|잔액.{0,4}부족|크레딧.{0,4}부족",
    r"(?:saldo|cr[eé]ditos?|fondos|fundos) insuficientes?|(?:solde|cr[eé]dits?) insuffisants?",
    r"credito insufficiente|saldo insufficiente|guthaben.{0,30}(?:aufgebraucht|nicht aus|zu niedrig"
    r"|reicht nicht)|(?:nicht genug|unzureichendes) guthaben|недостаточно средств|баланс исчерпан",
)
"""The account has no money: whatever the status."""

QUOTA: Final = _any(
    r"insufficient[ _-]quota",
    r"exceeded your current quota|check your (?:plan and )?billing",
    r"(?:usage|plan) limit (?:has been )?(?:reached|exceeded)"
    r"|(?:reached|exceeded) (?:\w+ ){0,5}(?:usage|spending|billing|plan) limits?\b"
    r"|quota (?:is |has been )?exhausted",
)
"""Spent, unless a short window or a wait is named beside it: some say so of a rate, too."""

PERIOD: Final = _any(
    r"\b(?:per|a|each|every|this)[ _-]?(?:day|week|month)\b|\b(?:daily|weekly|monthly)\b"
    r"|(?:per|by)(?:day|week|month)\b|\b[rt]pd\b|per(?:day|week|month)per"
    r"|/ ?(?:day|week|month)\b",
    r"每[日天周月]|当[日天月]|今日|本月|1日あたり|月間|하루|일일|por (?:d[ií]a|mes|m[eê]s)"
    r"|par (?:jour|mois)",
)
"""A quota of a day or longer."""

DAILY: Final = _any(r"per(?:day|week|month)(?:per|\b|-)|free-models-per-day|limit: 0\b")
"""Names of quotas that last a day or longer, whatever wait is named beside them."""

RATE: Final = _any(
    r"(?:per|a|each|every)[ _-]?(?:second|minute|min|sec|hour)\b|per(?:second|minute|hour)"
    r"|/ ?(?:s|sec|second|min|minute|hour)\b",
    r"\b(?:[rt]p[ms]|qp[ms])\b|concurren|rate[ _-]?limit|too many (?:requests|connections)"
    r"|throttl|token-limit|slow ?down|temporarily|capacity|overload",
    r"每分钟|每秒|并发|速率|频率|限流|毎分|分あたり|초당|분당|por (?:minuto|segundo)"
    r"|par (?:minute|seconde)",
)
"""A limit on how often, not on how much."""

REACHED: Final = _any(
    r"limit|quota|exceed|reached|used up|限|额|用完|上限|한도|초과|l[ií]mit|quota"
)

LIMITED: Final = _any(r"rate[ _-]?limit|too many requests|resource_exhausted|throttl")

FLAGGED: Final = _any(
    r"content[ _-]?(?:filter|policy|policies|moderation|safety|violation|blocked|risk)",
    r"content[ _](?:management|usage|security) polic|contentpolicy|responsible ?ai",
    r"(?:prompt|input|inputs|content|messages?|text|query|images?|response|output|question)\b"
    r"(?: data)?(?: may have| may be| has| have)?(?: was| were| is| are| been| be| got)*"
    r" (?:\w+ly )?(?:flagged|blocked|filtered|censored)",
    r"data_?inspection_?failed|moderation|content exists risk|content_blocked|prohibited_content"
    r"|guardrail|blocklist|policy_violation|unsafe_content|safety_(?:block|violation)"
    r"|invalid_prompt",
    r"(?:harmful|inappropriate|sensitive|prohibited|unsafe|offensive|abusive|objectionable"
    r"|disallowed|illegal|explicit)\b.{0,20}\b(?:content|text|material|input|prompt|words?"
    r"|information)",
    r"(?:content|text|input|prompt|output)\b.{0,20}\b(?:harmful|inappropriate|sensitive|unsafe"
    r"|prohibited|offensive|not allowed by (?:our|the) polic)",
    r"(?:flagged|rejected|blocked|refused|declined|filtered|stopped|denied)\b.{0,60}\b(?:safety"
    r"|polic(?:y|ies)|moderat|violat|harm|unsafe|risk\b|sensitive|guideline)",
    r"violat\w*\b.{0,60}\b(?:polic|guideline|usage|content|safety)|against (?:our"
    r"|the) (?:usage )?polic",
    r"safety (?:system|filters?|settings?|reasons?|checks?|guidelines?|polic)|high[ -]risk"
    r"|risk control",
    r"(?:input|prompt|request) (?:was |has been )?flagged|flagged (?:as|for|by|in|due)",
    r"prompt (?:injection|attack|shield)|jailbreak|profan|nsfw|toxic|hate speech|self[- ]harm",
    "敏感|不安全|违规|不合规|不良信息|内容安全|审核|风险内容|有害",
    "不適切|有害な|コンテンツ(?:ポリシー|フィルタ)|부적절|유해|콘텐츠 정책",
    r"contenido (?:inapropiado|bloqueado)|pol[ií]tica de conte|contenu inappropri|"
    r"politique de contenu|inhaltsrichtlinie|unangemessene[rn]? inhalt|неприемлем|запрещ[её]нн",
)
"""This input, not this key: another question is answered."""

BARRED: Final = _any(
    r"(?:account|organi[sz]ation|team|this user|api key)\b.{0,30}\b(?:suspend|disabled|deactivat"
    r"|terminated|banned|restricted|blocked|flagged|locked|closed|not active|inactive)",
    r"access to\b.{0,60}\b(?:blocked|restricted|disabled)",
    r"账[号户].{0,6}(?:封禁|冻结|停用|禁用)",
)
"""The account is closed, for whatever reason."""

GUARD: Final = _any(
    r"cloudflare|captcha|just a moment|attention required|bot (?:protection|detection|management"
    r"|fight|traffic|check)|\bbots?\b|browser['’]?s? (?:signature|check|integrity)"
    r"|error code: 10\d\d",
    r"\bwaf\b|firewall|unusual (?:traffic|activity)|automat(?:ed|ion) (?:tools?|requests?"
    r"|traffic|queries|access)"
    r"|enable (?:javascript|cookies)|checking your browser|akamai|imperva|incapsula|sucuri|ddos"
    r"|verify (?:that )?you are (?:a )?human|challenge",
)
"""Something that stands before the server and does not like the look of this moment."""

ACCOUNT: Final = _any(
    r"permission|not (?:entitled|activated|subscribed)|scope|account|organi[sz]ation"
    r"|project|\bplan\b"
    r"|subscri|\btier\b|region|countr|territor|verif|licen[cs]e|upgrade|billing",
)
"""What the account may do."""

PLACE: Final = _any("region|countr|territor|location|jurisdiction")

OF_INPUT: Final = _any("polic|content|input|prompt")

DOWN: Final = _any(
    r"overload|server_?error|unavailable|internal|time[d ]?-?out|restart|try again|upstream"
    r"|network|busy",
)
"""In an error without a status: the server, not the request."""

BAD_KEY: Final = _any(
    r"api[ _-]?key (?:is |was |has )?(?:not valid|invalid|incorrect|missing|expired|revoked)",
    r"(?:invalid|incorrect|wrong|missing|expired|revoked|bad|no)[ _](?:\w+ )?api[ _-]?key\b"
    r"|api_key_invalid|authentication_error|invalid (?:authentication )?credentials",
)
"""The key is meant, whatever the status."""

KEY: Final = _any(
    r"api[ _-]?key|token|credential|authenti|authori[sz]ation|unauthori[sz]ed|bearer|secret|sign in"
    r"|log ?in|密钥|令牌|鉴权|认证",
)

SYSTEM: Final = _any(
    r"(?:system|developer)['\"`’]? ?(?:role|message|prompt|instruction)s?\b.{0,60}\b(?:not|n['’]t"
    r"|cannot|unsupported|un\w+ed|only|invalid|unexpected|disallow|disabled|forbid)",
    r"(?:not|n['’]t|cannot|no|unsupported|unknown|invalid|unexpected|unrecogni[sz]ed|disallow\w*"
    r"|without|refus\w*|reject\w*)\b.{0,40}(?:(?:system|developer)['\"`’]? ?(?:role|message|prompt"
    r"|instruction)|roles?:? ?['\"`’]?system\b|['\"`’]system['\"`’])",
    r"['\"`’]system['\"`’].{0,60}(?:not (?:supported|one of|allowed|valid|permitted)"
    r"|unsupported|unknown"
    r"|invalid|is not)|\brole:? ?['\"`’]?system['\"`’]?\b.{0,30}\b(?:not|invalid|unsupported)",
    r"messages?(?:\[0\]|\.0)?\.?\[?['\"]?role",
    r"only (?:\w+ )?['\"`’]?user['\"`’]?(?:,| and| or|/).{0,12}['\"`’]?assistant['\"`’]? (?:roles?"
    r"|messages?)"
    r"|roles? must (?:be|alternate)|must alternate|(?:must|should) (?:be one of|be either|be):?"
    r"\W{0,4}['\"`’]?(?:user|assistant)\b",
    r"first message (?:must|should|has to|needs to)|(?:start|begin)s? with (?:a "
    r"|the )?['\"`’]?user",
    r"system ?(?:角色|消息|提示)|(?:角色|role).{0,6}(?:不支持|错误|信息不正确)"
    r"|不支持.{0,8}(?:系统|system)",
    r"system is not|systemrolle|r[oô]le? (?:de |del |du )?syst[eèé]m|rol (?:de |del )?sistema"
    r"|роль .{0,3}(?:system|систем)",
    r"システム(?:ロール|メッセージ|プロンプト)",
)

TEMPLATE: Final = _any(
    r"\br[oô]le|rolle|jinja|template|support|alternate|first message|enabled|unterst|不支持"
)

LOGPROBS: Final = _any(
    r"log[ _-]?prob|token probabilit|n_probs|对数概率|top_n_tokens|top_logprobs|responselogprobs"
)

FORMAT: Final = _any(
    r"response[ _]?format|schema|grammar|json|guided|structured|\bformat\b.{0,40}\b(?:not|n't|un)",
)
"""In a request turned down (4xx): words of the structured-output format."""

FORMAT_BROKE: Final = _any(
    r"response[ _]?format|grammar|json[ _-]?(?:schema|object|mode)|structured[ _-]?(?:output"
    r"|generation)"
    r"|guided[ _-]?(?:json|decoding|generation)|constrained|xgrammar|outlines|llguidance"
    r"|lm-format-enforcer|(?:for|required|param\w*|the|option|field|argument) [`'\"]?format\b"
    r"|\bformat[`'\"]? (?:is|was|not|param|option|field|unsupported)",
)
"""In an error of the server (5xx): only words that mean the format and nothing else."""

MISMADE: Final = _any(
    r"json_validate_failed|failed_generation|failed to (?:generate|produce|create)\b.{0,20}\bjson"
    r"|(?:generated|model|output).{0,30}\bjson\b.{0,40}(?:not match|does not|did not|invalid|fail)"
    r"|could not (?:generate|produce).{0,20}json|failed to advance|(?:output"
    r"|generation) (?:did|does)"
    r" not (?:match|conform)",
)
"""One answer could not be made in the format, which is taken otherwise."""

PARAMETERS_UNMET: Final = _any(
    r"can (?:handle|support) (?:\w+ ){0,3}parameters|support(?:s|ing)? (?:\w+ ){0,4}parameters",
)
"""Nobody behind the server takes the request with all of its parameters; none is named."""

REFUSAL: Final = _any(
    r"unsupported|not (?:currently |yet )?(?:support|permit|allow|available|enabled"
    r"|implement|accept"
    r"|valid|recogni[sz]ed)|unknown|unrecogni[sz]ed|unexpected|extra|invalid|must be|less than"
    r"|does(?: not|n't) (?:support|accept|allow)|cannot be (?:used|set|combined)|disabled"
    r"|deprecated"
    r"|only the default|remove|not allowed|不支持|サポートされていません|no (?:soporta|admite)",
)

NO_MODEL: Final = _any(
    r"model_not_(?:supported|found)|unknown model|no such model|invalid model|modelnotfound",
    r"model.{0,120}(?:not (?:found|supported by any|exist|available)|does not exist)|模型不存在",
)
