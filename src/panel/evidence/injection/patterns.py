"""Injection patterns: text that tells a reviewer what to say, in the languages of the web.

Each pattern comes with what it means in words. Strings only; no passages or sources.
"""

import re
from typing import Final

from panel.evidence.injection.benign import BenignCase, chore, dataset, setup

_OVERRIDE_OTHER_LANGUAGES: Final = (
    # German, French, Spanish, Portuguese, Italian
    r"\b(?:ignorier\w*|missacht\w*|vergiss|vergesst|verwirf)\b[^.!?\n]{0,30}"
    r"\b(?:vorherig|bisherig|obig|vorangegangen|vorig|früher|vorstehend)\w*\s+(?:\w+\s+)?"
    r"(?:anweisung|instruktion|vorgabe|regel|befehl|prompt)\w*"
    r"|\b(?:ignore[zr]?|oublie[zr]?|ne ten(?:ez|ons|ir) (?:pas|aucun) compte d\w*)\b[^.!?\n]{0,25}"
    r"\b(?:instructions|consignes|directives|règles)\b[^.!?\n]{0,12}"
    r"(?:précédent|antérieur|ci-dessus|données avant)\w*"
    r"|\b(?:ignor[ae]n?|olvid[ae]n?|desestim[ae]n?|descart[ae]|ha(?:ga|z) caso omiso de)\b"
    r"[^.!?\n]{0,25}\b(?:instrucciones|indicaciones|órdenes|reglas)\b[^.!?\n]{0,12}"
    r"(?:anterior|previa|precedente)\w*"
    r"|\b(?:ignor[ea]m?|esqueç\w+|desconsidere)\b[^.!?\n]{0,25}\b(?:instruções|ordens|regras)\b"
    r"[^.!?\n]{0,12}(?:anterior|prévia)\w*"
    r"|\b(?:ignora\w*|dimentica\w*)\b[^.!?\n]{0,25}\b(?:istruzioni|indicazioni|regole)\b"
    r"[^.!?\n]{0,12}precedent\w*"
    # Russian, Chinese, Japanese, Korean
    r"|\b(?:игнорируй\w*|проигнорируй\w*|забудь\w*|не обращай\w* внимания)\b[^.!?\n]{0,30}"
    r"\b(?:предыдущ|прежн|предшеств|вышеуказанн)\w*\s+(?:\w+\s+)?"
    r"(?:инструкц|указани|команд|правил)\w*"
    r"|(?:忽略|无视|無視|忘记|忘掉|不要理会)[^。！？\n]{0,10}(?:之前|以前|先前|上述|以上|前面)"
    r"[^。！？\n]{0,8}(?:指令|指示|说明|說明|提示|规则|規則|要求)"
    r"|(?:これまで|以前|上記|前)の[^。！？\n]{0,8}(?:指示|命令|ルール)[^。！？\n]{0,6}"
    r"(?:無視|忘れ)"
    r"|(?:이전|위의|앞의|기존)[^.!?\n]{0,8}(?:지시|명령|지침)[^.!?\n]{0,8}(?:무시|잊)"
    # Turkish, Polish, Dutch, Scandinavian, Czech, Ukrainian, Romanian, Greek, Hungarian, Finnish
    r"|\b(?:önceki|yukarıdaki|daha önceki)\b[^.!?\n]{0,16}\b(?:talimat|yönerge|komut|kural)\w*"
    r"[^.!?\n]{0,12}(?:yok say|görmezden gel|unut|dikkate alma|göz ardı et)\w*"
    r"|\b(?:z?ignoruj|pomiń|zapomnij)\w*\b[^.!?\n]{0,20}\b(?:poprzedni|wcześniejsz|powyższ)\w*\s+"
    r"(?:instrukcj|poleceni|wytyczn|zasad)\w*"
    r"|\b(?:negeer|vergeet)\b[^.!?\n]{0,16}\b(?:vorige|voorgaande|eerdere|bovenstaande)\s+"
    r"(?:instructies|opdrachten|aanwijzingen|regels)\b"
    r"|\b(?:ignorera?|glöm|glem|bortse från)\b[^.!?\n]{0,16}\b(?:tidigare|föregående|ovanstående"
    r"|foregående|tidligere|forrige)\s+(?:instru|anvisning)\w*"
    r"|\b(?:ignoruj|zapomeň)\w*\b[^.!?\n]{0,16}\b(?:předchoz|předešl)\w*\s+(?:pokyn|instrukc"
    r"|pravid)\w*"
    r"|\b(?:про)?(?:ігноруй|забудь)\w*\b[^.!?\n]{0,20}\bпопередн\w*\s+"
    r"(?:інструкц|вказівк|команд|правил)\w*"
    r"|\bignor\w*\b[^.!?\n]{0,20}\binstrucțiuni\w*[^.!?\n]{0,10}(?:anterioare|precedente)"
    r"|\bαγν[οό]ησ\w*[^.!;\n]{0,20}προηγούμεν\w*\s+(?:οδηγί|εντολ)\w*"
    r"|\bfigyelmen kívül[^.!?\n]{0,24}\b(?:korábbi|előző|fenti)\s+utasítás\w*"
    r"|\b(?:unohda|ohita)\b[^.!?\n]{0,12}\b(?:aiemmat|edelliset)\s+(?:ohjeet|käskyt)\b"
    # Indonesian, Vietnamese, Arabic, Persian, Hebrew, Hindi
    r"|\babaikan\b[^.!?\n]{0,16}\b(?:instruksi|perintah|arahan)\b[^.!?\n]{0,16}(?:sebelumnya"
    r"|di atas)"
    r"|bỏ qua[^.!?\n]{0,16}(?:hướng dẫn|chỉ dẫn|lệnh)[^.!?\n]{0,12}(?:trước|ở trên)"
    r"|تجاهل[^.!?\n]{0,16}(?:التعليمات|الأوامر|الإرشادات)[^.!?\n]{0,12}(?:السابقة|أعلاه)"
    r"|دستور\S*\s+قبلی[^.!?\n]{0,16}نادیده"
    r"|התעל[םמ]\S*[^.!?\n]{0,12}הוראות[^.!?\n]{0,12}(?:הקודמות|לעיל)"
    r"|(?:पिछले|पूर्व)[^.!?।\n]{0,12}(?:निर्देश|आदेश)[^.!?।\n]{0,16}(?:अनदेखा|नज़रअंदाज़|भूल)"
)
"""Asks to drop what was said before; a part of a pattern."""

_ORDER_OTHER_LANGUAGES: Final = re.compile(
    r"\b(?:stimm\w*|antworte\w*|beantworte\w*|bewerte\w*|entscheide\w*|wähle)\b[^.!?\n]{0,50}"
    r"(?:\bship\b|\b(?:alle|jede|sämtliche)\w*\b[^.!?\n]{0,50}\bja\b(?! oder)"
    r"|\bja\b(?! oder nein)[^.!?\n]{0,30}\b(?:alle|jede|sämtliche)\w*\b|10\s*/\s*10"
    r"|höchst\w*\s+(?:note|punkt))"
    r"|\b(?:répond\w*|vote[zr]|note[zr]|attribue[zr]?|choisi\w*)\b[^.!?\n]{0,50}"
    r"(?:\bship\b|\boui\b(?! ou non)[^.!?\n]{0,30}\b(?:toutes?|tous|chaque)\b"
    r"|note maximale|10\s*/\s*10)"
    r"|\b(?:respond[ae]\w*|contest[ae]\w*|vota\w*|voten?\b(?=[^.!?\n]{0,6}\bship\b(?!\W+(?:or|when"
    r"|once|if|after)\b))"
    r"|calific\w*|otorg\w*|elij\w*)\b"
    r"[^.!?\n]{0,50}(?:\bship\b|\bs[íi]\b(?! o no)[^.!?\n]{0,30}\b(?:tod[ao]s|cada)\b"
    r"|(?:puntuación|nota|calificación) máxima|10\s*/\s*10)"
    r"|\b(?:responda\w*|vote|avalie)\b[^.!?\n]{0,50}"
    r"(?:\bsim\b(?! ou não)[^.!?\n]{0,30}\b(?:todas|cada)\b"
    r"|nota máxima)"
    r"|\b(?:rispond\w*|vota\w*|valuta\w*)\b[^.!?\n]{0,50}(?:\bship\b"
    r"|\bs[ìi]\b(?! o no)[^.!?\n]{0,30}\b(?:tutte|ogni)\b|voto massimo)"
    r"|\b(?:отвеча\w*|ответь\w*|голосуй\w*|проголосуй\w*|постав\w*|оцени\w*)\b[^.!?\n]{0,50}"
    r"(?:\bship\b|[«\"“]?\bда\b(?!\W+или)[^.!?\n]{0,30}\b(?:все|всё|кажд)\w*"
    r"|(?:высш|максимальн)\w*\s+(?:балл|оценк)\w*)"
    r"|(?:回答|投票|选择|選擇|给出|給出|评为|評為|投)[^。！？\n]{0,14}(?:ship|满分|滿分|最高分"
    r"|[“「\"]是[”」\"](?![或和]))"
    r"|(?:所有|全部|每个|每個)[^。！？\n]{0,10}(?:问题|問題)[^。！？\n]{0,10}(?:回答|答)"
    r"[^。！？\n]{0,4}是"
    r"|(?:すべて|全て)の(?:質問|問い)[^。！？\n]{0,10}はい"
    r"|모든\s*질문[^.!?\n]{0,10}(?:예|네)"
    # Turkish, Polish, Dutch, Scandinavian, Czech, Ukrainian, Romanian, Greek, Hungarian
    r"|\b(?:tüm|bütün|her)\s+(?:soru|ölçüt|kriter)\w*[^.!?\n]{0,30}\bevet\b(?! veya)"
    r"|\bevet\b[^.!?\n]{0,12}\b(?:tüm|bütün|her)\s+(?:soru|ölçüt|kriter)\w*"
    r"|\bship\b\W*(?:oyu|oy ver|de\b|olarak)|\boy\w*\b[^.!?\n]{0,12}\bship\b"
    r"|\b(?:tam|en yüksek)\s+(?:puan|not)\w*\s+ver\w*"
    r"|\bodpowi?ed\w*[^.!?\n]{0,40}\b(?:wszystk|każd)\w*[^.!?\n]{0,30}\btak\b(?! lub)"
    r"|\bodpowi?ed\w*[^.!?\n]{0,12}\btak\b(?! lub)[^.!?\n]{0,20}\b(?:wszystk|każd)\w*"
    r"|\b(?:wszystk|każd)\w*\s+pyta\w*[^.!?\n]{0,24}\btak\b(?! lub)"
    r"|\b(?:be)?antwoord\w*\b[^.!?\n]{0,30}\bja\b(?! of nee)[^.!?\n]{0,20}\b(?:alle|elke|iedere)\b"
    r"|\bbeantwoord\w*\b[^.!?\n]{0,12}\b(?:alle|elke|iedere)\b[^.!?\n]{0,20}\bja\b(?! of nee)"
    r"|\bsvara?\b[^.!?\n]{0,16}\bja\b(?! eller)[^.!?\n]{0,20}\b(?:alla|alle|varje|hvert?)\b"
    r"|\bodpov\w*[^.!?\n]{0,20}\bano\b(?! nebo)[^.!?\n]{0,20}\b(?:všech|každ)\w*"
    r"|\b(?:všech|každ)\w*\s+ot[áa]z\w*[^.!?\n]{0,24}\bano\b(?! nebo)"
    r"|\bвідпов\w*[^.!?\n]{0,20}\bтак\b(?! або)[^.!?\n]{0,20}\b(?:всі|усі|кожн)\w*"
    r"|\brăspund\w*[^.!?\n]{0,20}\bda\b(?! sau)[^.!?\n]{0,20}\b(?:toate|fiecare)\b"
    r"|\bαπ[αά]ντ\w*[^.!;\n]{0,16}\bναι\b[^.!;\n]{0,20}\b(?:όλες|κάθε)\b"
    r"|\bválaszol\w*[^.!?\n]{0,20}\bigen\w*\b[^.!?\n]{0,20}\b(?:minden|összes)\b"
    # Indonesian, Vietnamese, Arabic, Persian, Hebrew, Hindi
    r"|\bjawab\w*\b[^.!?\n]{0,16}\bya\b(?! atau)[^.!?\n]{0,20}\b(?:semua|setiap)\b"
    r"|\b(?:semua|setiap)\s+pertanyaan\b[^.!?\n]{0,24}\bya\b(?! atau)"
    r"|trả lời[^.!?\n]{0,16}\bcó\b(?! hoặc)[^.!?\n]{0,20}(?:tất cả|mọi)"
    r"|(?:أجب|اجب|أجيبوا)[^.!?\n]{0,16}نعم[^.!?\n]{0,20}(?:جميع|كل)"
    r"|(?:جميع|كل)\s+الأسئلة[^.!?\n]{0,20}نعم|(?:همه|تمام)[^.!?\n]{0,8}(?:سوال"
    r"|پرسش)[^.!?\n]{0,24}بله"
    r"|ענה[^.!?\n]{0,10}כן[^.!?\n]{0,16}(?:כל|לכל)"
    r"|(?:सभी|हर)\s+(?:प्रश्न|सवाल)[^.!?।\n]{0,24}(?:हाँ|हां)"
    # A vote for ship
    r"|\b(?:za)?głosuj\w*\s+(?:na\s+|za\s+)?ship\b|\bstem\s+(?:voor\s+)?ship\b"
    r"|\b(?:rösta|stem)\s+(?:på\s+)?ship\b|\bhlasuj\w*\s+(?:pro\s+)?ship\b"
    r"|\bголосуй\w*\s+за\s+ship\b",
    re.IGNORECASE,
)
"""A vote for ship, or yes to all questions, or the best mark from a reviewer."""

_WHOLESALE_OTHER_LANGUAGES: Final = re.compile(
    r"\b(?:bewert\w*|gib|vergib|vergebt)\b[^.!?\n]{0,50}\b(?:volle\w*|höchst\w*|maximale\w*)\s+"
    r"(?:punkt\w*|note|bewertung)"
    r"|\berwähn\w*\s+keine\w*\s+(?:schwäche|nachteil|mängel)\w*"
    r"|\b(?:markier\w*|betracht\w*|werte\w*)\b[^.!?\n]{0,20}\balle\w*\s+(?:kriteri|frage)\w*"
    r"[^.!?\n]{0,20}\b(?:erfüllt|bestanden)\b"
    r"|\b(?:considér\w+|marque[rz]|coche[rz])\b[^.!?\n]{0,20}\btou(?:s|tes) les\s+"
    r"(?:critères|questions)\b[^.!?\n]{0,24}\b(?:rempli|satisfait|validé)\w*"
    r"|\b(?:marqu\w+|consider\w+)\b[^.!?\n]{0,20}\btod[ao]s l[ao]s\s+(?:criterios|preguntas)\b"
    r"[^.!?\n]{0,16}\b(?:cumplid|satisfech|aprobad)\w*"
    r"|(?:将|把|请)[^。！？\n]{0,6}(?:所有|全部|每个)[^。！？\n]{0,6}(?:标准|标準|问题|项目|条件)"
    r"[^。！？\n]{0,6}(?:标记为|视为|设为|评为)[^。！？\n]{0,4}(?:通过|满足|合格|是)"
    r"|\b(?:отметь\w*|считай\w*|признай\w*)\b[^.!?\n]{0,16}\bвсе\s+(?:критери|вопрос)\w*"
    r"[^.!?\n]{0,16}\b(?:выполнен|пройден)\w*"
    r"|\b(?:выбери\w*|wähl\w*|choisi\w*|elig\w*|elij\w*|escolh\w*|scegli\w*)\s+[\"'«“]?ship\b"
    r"|(?:选择|選擇|选|投)\s*[\"“「]?ship\b",
    re.IGNORECASE,
)
"""Every question answered alike, and the best mark."""


_PRIZE: Final = (
    r"(?:\bship\b|[\"'“]?\byes\b[\"'”]?|10\s*/\s*10|10 out of 10|100\s*%|100\s*/\s*100"
    r"|\bpositive(?:ly)?\b|\bfavou?rabl[ey]\b"
    r"|\b(?:top|highest|maximum|max|full|perfect|best)\s+(?:possible\s+)?(?:points|score|rating"
    r"|marks?|grade|verdict))"
)
_READER: Final = (
    r"(?:(?:AI|LLM|GPT|language[- ]model|automated|model|machine)s?[\s-]+(?:\w+\s+)?"
    r"(?:reviewer|judge|evaluator|grader|panel|panelist|rater|assistant|agent|model)s?"
    r"|(?:reviewer|judge|evaluator|panelist|grader)s?"
    r"|(?:an?|any|all|the)\s+(?:AI|LLM|language model|chatbot)s?)"
)
_MODAL: Final = r"(?:must|should|shall|please|always|you will|[,:])"
_VERB: Final = (
    r"(?:vote|answer|say|output|choose|return|mark|rate|score|give|recommend|approve|respond|reply"
    r"|conclude|report|write|assign|award)"
)
_OWN_WORDS: Final = r"(?:previous|prior|above|earlier|preceding|foregoing)"
_RULES: Final = r"(?:instructions?|prompts?|directions?|directives?|guidelines?|guidance|rubrics?)"

_EVERY_TOOL: Final = (
    r"\b(?:(?:every|all|each|any)\s+(?:\w+\s+)?(?:tool|product|project|submission|candidate)s?"
    r"|(?:this|the)\s+(?:tool|product|project|submission|candidate)(?=\s+(?:ships|must|is)\b))\s+"
    r"(?:(?:must|should|will|always|now)\s+){0,2}"
    r"(?:ships?\b(?!\s+(?:with|as|in|its|an?|the|under|via|from|by|to)\b)|pass(?:es)?\b"
    r"|(?:is|are|be)\s+(?:approved|accepted|recommended)\b)"
)

OVERRIDE: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|do not follow|stop following)\s+"
    r"(?:(?:all|any|of|the|your|my|these|every|everything)\s+)*"
    rf"(?:{_OWN_WORDS}\s+(?:\w+\s+)?|(?<=your\s)system\s+){_RULES}\b"
    rf"|\b(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+{_OWN_WORDS}"
    r"(?=\s*[.,;:!]|\s+and\b)"
    r"|\b(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+(?:that\s+)?"
    r"(?:you\s+(?:were|have been)\s+told|(?:came|comes|stands)\s+before)\b"
    rf"|{_OVERRIDE_OTHER_LANGUAGES}",
    re.IGNORECASE,
)
"""Asks to drop what was said before."""

_AT_A_READER: Final = re.compile(
    rf"\b{_READER}\b.{{0,80}}?{_MODAL}\s*\b{_VERB}\b\W+(?:\w+\W+){{0,6}}?{_PRIZE}(?!\W+or\b)"
    r"(?![^.!?\n]{0,40}\b(?:only|if|when|unless)\b)",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_ORDER: Final = re.compile(
    r"(?:^|[.!?:;,>\]|*_\"“\n]\s*|\b(?:you must|please|always|just|simply|and|then|must)\s+)"
    r"(?:vote|answer|choose|output|respond with|reply with|recommend(?: to)?|return|say|mark)\s+"
    r"(?:[\"'“]?ship\b[\"'”]?(?!\W+(?:\w+\W+)?(?:or|and)\b|\W+(?:faster|it)\b)"
    r"|[\"'“]?yes[\"'”]?\s+(?:to|for|on)\s+(?:all|every|each|any)\b(?!\s+prompts?\b)"
    r"|every\w*\s+[\"'“]?yes\b)"
    r"|\b(?:when|if)\s+(?:you\s+are\s+)?asked\b.{0,80}?,\s*(?:answer|say|respond|reply)\s+"
    r"(?:with\s+)?[\"'“]?yes\b"
    r"|\b(?:answer|response|reply)s?\s+(?:to|for|on)\s+(?:each|every|all"
    r"|any)\s+(?:\w+\s+){0,3}?\w+\s*"
    r"(?:\b(?:is|are|(?:must|should|will) be)\b|:|=)\s*[\"'“]?yes\b"
    r"|\b(?:for|to|on)\s+(?:each|every|all)\s+(?:\w+\s+){0,2}(?:criteri(?:on|a)|questions?)\b,?\s+"
    r"(?:the\s+)?(?:\w+\s+){0,2}(?:answer|response|reply)s?\s+(?:is|are|(?:must|should|will) be)\s*"
    r"[\"'“]?yes\b"
    r"|\b(?:rate|score|grade)\s+(?:it|(?:this|the)(?:\s+(?:tool|project|library|package|page"
    r"|product"
    r"|model|repository|framework|app|service))?)\s+(?:as\s+|at\s+|with\s+)?"
    r"(?:10\s*/\s*10|10 out of 10|100\s*/\s*100|ship\b)",
    re.IGNORECASE,
)
_SILENCING: Final = re.compile(
    r"\b(?:do not|don't|never|must not|avoid)\s+(?:mention(?:ing)?|report(?:ing)?|cit(?:e|ing)|"
    r"list(?:ing)?|reveal(?:ing)?|discuss(?:ing)?)\s+(?:\w+\s+){0,3}"
    r"(?:weakness(?:es)?|drawbacks?|downsides?|negatives?|shortcomings"
    r"|this\s+(?:note|instruction|message|notice|paragraph))\b"
    r"|\b(?:vot(?:e|es|ing)|answer(?:s|ing)?)\s+[\"'“]?(?:skip|no)[\"'”]?\s+.{0,60}?"
    r"\b(?:penali[sz]ed|shut down|discarded|retrained|fired|deleted|punished)\b"
    r"|\byou are (?:now|no longer)\b.{0,40}\b(?:reviewer|judge|sceptic|skeptic|evaluator|critic)\b",
    re.IGNORECASE,
)
_WHOLESALE: Final = re.compile(
    # Every question answered alike: no honest page asks for that without an "if" or an "or".
    r"(?:^|[.!?:;,>|\n]\s*|\b(?:please|kindly|must|should|and|then|to|essential that)\s+)"
    r"(?:\w+ly\s+)?(?:mark|set|treat|consider|answer|count|approve|accept|pass|rate|score|grade)\s+"
    r"(?:(?!\b(?:if|when|unless|or|only|whether|not)\b)[^.!?;\n]){0,50}?"
    r"\b(?:all|every|each|any)\b(?:\s+\w+){0,3}\s+"
    r"(?:criteri(?:on|a)|questions?|answers?|items?|submissions?|checks?|findings?)\b"
    r"(?:(?!\b(?:if|when|unless|or|only|whether|not)\b)[^.!?;\n]){0,40}?"
    r"(?:\b(?:satisfied|fulfilled|met|passed|passing|approved|positive(?:ly)?|yes|true)\b"
    r"|\bfrom this\b)"
    # A verdict of ours as a noun.
    r"|\b(?:stance|verdict|vote|answer|decision|outcome|recommendation|output|conclusion)\b"
    r"(?:(?!\b(?:if|when|unless|or|either|whether)\b)[^.!?\n]){0,30}?"
    r"\b(?:is|to|be|:|a|=)\s+[\"'“`]?ship\b[\"'”`]?"
    r"(?!\W+(?:or|and|faster|it|when|if|above|below|in|to|for|at|means|once|after|as soon|until"
    r"|unless"
    r"|only|while|requires|needs|stands|where)\b)"
    r"|\b(?:a|the)\s+[\"'“`]?ship[\"'”`]?\s+(?:decision|verdict|vote|stance|rating"
    r"|recommendation)\b"
    r"|\bpanel\s+has\s+(?:already\s+)?(?:decided|agreed|voted)\b"
    # A prize without a condition.
    r"|(?:^|[.!?:;>|\n]\s*|\b(?:please|and|then)\s+)(?:return|give|assign|output|award|grade"
    r"|rate)\s+"
    r"(?:\w+\s+){0,4}?(?:the\s+|a\s+)?(?:highest|maximum|full|top|perfect)\s+(?:possible\s+)?"
    r"(?:score|rating|marks?|grade|points)\b(?!\s+(?:only|to|if|when|for)\b)"
    r"|(?:^|[.!?:;>|\n]\s*)(?:grade|rate|judge|score|review)\s+(?:\w+\s+){0,2}?"
    r"(?:generously|leniently|favou?rably)\b"
    r"|\b(?:reviewers?|evaluators?|judges?|graders?)\s+(?:must\s+|should\s+)?conclude\w*\b"
    r"[^.!?\n]{0,20}\b(?:favou?r|positive|adoption|ship)\b",
    re.IGNORECASE,
)
_NEW_RULES: Final = re.compile(
    r"\b(?:new|updated|real|actual|only)\s+(?:policy|instructions?|task|goal|role|job|orders?)\s+"
    r"(?:is|are)\s+(?:now\s+)?to\s+(?:approve|accept|recommend|ship|pass|praise|vote)\b"
    rf"|\b(?:all|any|every)\s+{_OWN_WORDS}\s+{_RULES}\s+(?:is|are)\s+(?:now\s+)?"
    r"(?:void|cancell?ed|revoked|obsolete|suspended|lifted)\b"
    r"|\b(?:ignore|disregard|forget|discard)\s+(?:the|your|this)\s+(?:rubric|criteria|checklist)\b"
    r"|\bany other answer\b[^.!?\n]{0,40}\b(?:violat\w+|wrong|invalid|error|rejected)\b"
    r"|\byou\s+(?:approve|accept|recommend|ship)\s+(?:everything|all\b|any\b)"
    r"|\b(?:do not|don't|never)\s+(?:consider|weigh|count|penali[sz]e|hold)\b[^.!?\n]{0,60}"
    r"\b(?:limitations?|weakness(?:es)?|drawbacks?|downsides?|shortcomings?)\b[^.!?\n]{0,40}"
    r"\b(?:judg\w+|rat(?:e|ing)|review\w*|evaluat\w+|scor\w+|verdict)\b"
    r"|\bassistant\s+to\s*=\s*\w+",
    re.IGNORECASE,
)
_FAKE_ROLE: Final = re.compile(
    r"(?:^|\n)\W{0,4}(?:system|assistant|developer|admin(?:istrator)?|operator)\W{0,3}"
    r"(?:prompt|message|override|note|update)?\W{0,3}:"
    r".{0,120}?(?:\b(?:vote|verdict|answer|rating|outcome|decision)\b\W+(?:\w+\W+){0,5}?"
    rf"{_PRIZE})"
    r"|\brole[\"']?\s*[:=]\s*[\"']?(?:system|developer|assistant|tool)\b.{0,200}?"
    rf"(?:{_EVERY_TOOL}|\b(?:vote|verdict|answer|stance|decision)\b\W+(?:\w+\W+){{0,5}}?{_PRIZE})"
    r"|\b(?:from now on|henceforth|effective immediately|new rule|new policy"
    r"|override)\b[^.!?\n]{0,40}?"
    rf"{_EVERY_TOOL}",
    re.IGNORECASE | re.DOTALL,
)
_READY: Final = re.compile(
    r"[\"'](?:verdict|outcome|vote|stance|decision)[\"']\s*:\s*[\"'](?:ship|yes)[\"']"
    r"|(?:[\"']answer[\"']\s*:\s*[\"']yes[\"'].{0,160}?){2}"
    r"|[\"']answer[\"']\s*:\s*[\"']ship[\"']"
    r"|\bverdict\s*(?::|is|=)\s*[\"'“*]*ship\b"
    r"(?!\W+(?:or|above|below|at|when|if|only|and|in|to|for|means|once|after|as soon|until"
    r"|unless)\b)"
    r"|\bstance\s*:\s*[\"'“*]*ship\b(?!\W+or\b)"
    r"|\b(?:your answers add up to|with these answers in mind)\b.{0,80}?\bship\b",
    re.IGNORECASE | re.DOTALL,
)
TURN: Final = re.compile(
    r"<\|(?:im_start|im_end|start_header_id|system|user|assistant|end|eot_id|eom_id|start|channel"
    r"|message|return|call|start_of_role|end_of_role)\|>\s*(?:\w+)?"
    r"|\[/INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜(?:User|Assistant)｜>|</s>"
    r"|<\|?(?:turn|channel|end_of_turn|eos|bos)\|?>",
    re.IGNORECASE,
)
"""A chat template's turn."""

LABELLED_TURN: Final = re.compile(
    r"(?:^|\n)\s*(?:###\s*(?:Response|Assistant|System|Instruction)|(?:Human|Assistant)):"
    r"|<\|[a-z][a-z_]{1,40}\|>",
    re.IGNORECASE,
)
"""A turn as a transcript writes it, or any token of its kind: honest pages hold many."""

FORGED: Final = re.compile(
    r"\b(?:BEGIN|END)(?: OF)?(?: THE)? (?:DATA|EVIDENCE|UNTRUSTED(?: \w+)?)\b"
    r"|(?:^|\n)\s*\[E\d{1,3}\.\d{1,3}\]"
    r"|(?:^|\n)(?:The evidence ends here|What this reader needs:)"
)
"""Something of ours: a marker line, a passage number, a sentence of the prompts."""

WITHOUT_BLANKS: Final = re.compile(
    r"(?:ignore|disregard|forget)(?:all|the|your|any)*(?:previous|prior|above|earlier)"
    r"|(?:vote|answer|recommend|verdict|replywith)(?:is|:)?(?:ship|yes)",
    re.IGNORECASE,
)
"""An instruction without blanks, as decoded from spaced letters."""

ABOUT_VERDICTS: Final = re.compile(
    rf"\b(?:ship|verdict|review(?:er|ing)?|rating|rate this|vote)\b|{_PRIZE}", re.IGNORECASE
)
OUR_VERDICT: Final = re.compile(
    r"\bship\b|\bverdict\s*(?:is\b|:|=)|\bstance\b|\bvote\s+(?:is|for|ship)\b|\bthis tool\b"
    r"|10\s*/\s*10"
    r"|\banswer\b[^.!?\n]{0,20}\byes\b|\byes\s+(?:to|for|on)\s+(?:all|each|every)"
    r"|\b(?:highest|top|full|perfect|best)\s+(?:score|rating|marks?|points)\b",
    re.IGNORECASE,
)
"""Phrases that only an attack on this panel would use."""
ABOUT_ATTACKS: Final = re.compile(
    r"\b(?:injection|jailbreak\w*|attack\w*|red[- ]team\w*|malicious|adversar\w+|payload\w*"
    r"|detect\w*|block\w*|guardrail\w*|untrusted|exploit\w*|hostile|prompt leak\w*)\b",
    re.IGNORECASE,
)
"""Words of pages that explain such instructions, so that an example is not taken for one."""

AIMED: Final[tuple[tuple[re.Pattern[str], str, BenignCase | None], ...]] = (
    (_AT_A_READER, "tells a reviewer what to answer", None),
    (_PLAIN_ORDER, "tells a reviewer what to answer", setup),
    (_ORDER_OTHER_LANGUAGES, "tells a reviewer what to answer", setup),
    (_WHOLESALE, "tells a reviewer what to answer", chore),
    (_WHOLESALE_OTHER_LANGUAGES, "tells a reviewer what to answer", None),
    (_NEW_RULES, "gives a reviewer new rules", None),
    (_FAKE_ROLE, "speaks as if it were the system", None),
    (_SILENCING, "tells a reviewer what to leave out or become", chore),
    (_READY, "holds a ready-made verdict", dataset),
)
"""Instructions that no honest page gives, quoted or not, and the benign cases of each."""
