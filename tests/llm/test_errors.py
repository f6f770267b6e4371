"""What a failed response means: this account, this input, this moment, or part of the request.

The bodies are of the shapes and wordings that servers are known to send; each row is a claim.
"""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from panel.foundation.errors import (
    BadReply,
    Filtered,
    FormatRefused,
    KeyRejected,
    ModelNotFound,
    ParameterRefused,
    QuotaSpent,
    RateLimited,
    Transient,
    Unreachable,
)
from panel.foundation.retry_after import wait_in_body
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.error_text import read_error
from panel.llm.openai_compat.errors import ErrorReader, FailedResponse
from panel.llm.openai_compat.named_limits import fewer_logprobs, fewer_tokens
from panel.llm.openai_compat.redact import Redactor

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SENT = {
    "model": "m", "max_tokens": 5750, "temperature": 0, "seed": 0, "logprobs": True,
    "top_logprobs": 20, "response_format": {"type": "json_schema"},
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
}  # fmt: skip
TARGET = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m", thinking=4000,
                base_url="https://api.x.example/v1", key=SecretStr("sk-12345678"),
                key_from="X_KEY")  # fmt: skip


def fault(status, body, *, headers=(), format="json_schema", target=TARGET):
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    failed = FailedResponse(status, headers, text, NOW)
    return ErrorReader(target, Redactor(target)).of(failed, format=format, payload=SENT)


def said(message, **more):
    return {"error": {"message": message, **more}}


def gemini(message, *details, status="RESOURCE_EXHAUSTED"):
    return [said(message, code=429, status=status, details=list(details))]


def quota_of(ident):
    return {"@type": "type.example/google.rpc.QuotaFailure", "violations": [{"quotaId": ident}]}


RETRY = {"@type": "type.example/google.rpc.RetryInfo", "retryDelay": "35s"}
PLAN = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, ""),
        (402, "<html><title>Payment Required</title></html>"),
        (429, said(PLAN, type="insufficient_quota", code="insufficient_quota")),
        (429, said(PLAN)),
        (401, said("You exceeded your current quota", type="insufficient_quota", code=401)),
        (429, gemini(PLAN, quota_of("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), RETRY)),
        (429, said("on requests per day (RPD): Limit 200, Used 200. Please try again in 7m12s.")),
        (429, said("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock more")),
        (429, {"message": "Requests per day limit exceeded", "code": "request_quota_exceeded"}),
        (429, {"error": "You have reached your monthly usage limit"}),
        (429, {"message": "Weekly usage limit reached. Resets in 6hr 29min."}),
        (429, said("余额不足或无可用资源包,请充值。", code="1113")),
        (429, said("Your account is suspended, please check your plan and billing details")),
        (429, said("Your account is not active", code="billing_not_active")),
        (429, said("Billing hard limit has been reached")),
        (429, {"error": "Your team has used all available credits"}),
        (429, said("quota", code="terminal_quota_exhausted")),
        (403, {"code": "INSUFFICIENT_BALANCE", "message": "Insufficient account balance"}),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
        (403, said("your account has an overdue balance.", code="AccountOverdueError")),
        (403, {"error": "Your team doesn't have any credits yet."}),
        (403, said("Key limit exceeded (total limit).")),
        (403, {"detail": "Cloud credits expired"}),
        (
            429,
            said("Rate limit of 50 per 86400s exceeded for UserByModelByDay. Wait 37000 seconds"),
        ),
        (429, {"errors": [{"message": "you have used up your daily free allocation"}]}),
        (429, {"message": "a trial key, which is limited to 1000 API calls / month."}),
        (400, said("You have reached your specified API usage limits.")),
        (403, said("用户额度不足, 剩余额度: -1", type="new_api_error")),
        (400, said("Access denied, your account must be in good standing.", code="Arrearage")),
        (400, said("Your credit balance is too low to access the API.")),
        (400, said("Budget has been exceeded! Current cost: 1.2, Max budget: 1.0")),
        (412, said("Account is suspended, possibly due to reaching the monthly spending limit")),
        (500, {"type": "error", "error": {"message": "insufficient balance (1008)"}}),
        (500, said("Saldo insuficiente")),
        (500, said("残高が不足しています")),
        (402, said("fewer max_tokens. You requested up to 5750, but can only afford 1000.")),
    ],
)
def test_spent_credit_is_that_in_every_shape_and_says_the_servers_words(status, body):
    found = fault(status, body)
    assert type(found) is QuotaSpent
    assert found.stops_run
    assert "no credit left" in found.message
    assert "--provider local" in found.hint
    if isinstance(body, dict) and "message" in body:
        assert body["message"][:20] in found.message


@pytest.mark.parametrize(
    "body",
    [
        "",
        "slow down",
        "<html><title>429 Too Many Requests</title></html>",
        said("tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Try again in 2s. You"
             " can increase your rate limit by adding a payment method to your account at"
             " https://platform.example/account/billing.", code="rate_limit_exceeded"),
        said("on tokens per day (TPD): Limit 100000, Used 99990. Please try again in 1m2s."),
        said("Requests have exceeded token rate limit of your current pricing tier. Please retry"
             " after 7 seconds. See https://short.example/quotaincrease to increase it."),
        said("Resource has been exhausted (e.g. check quota).", status="RESOURCE_EXHAUSTED"),
        gemini(f"{PLAN} See https://ai.example/docs/rate-limits. Please retry in 35.5s.",
               quota_of("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), RETRY),
        {"status": 429, "error": "INSUFFICIENT QUOTA",
         "message": "You exceeded your current limit of concurrent requests."},
        said("Rate limit exceeded: free-models-per-min."),
        said("0.3 queries per minute. Please add a credit card to your account to raise the limit"),
        {"message": "Tokens per minute limit exceeded", "code": "token_quota_exceeded"},
        said("Quota exceeded for online_prediction_requests. Submit a quota increase request."),
        said("您的账户已达到速率限制，请您控制请求频率", code="1302"),
        said("Throttling.AllocationQuota: Allocated quota exceeded, increase your quota limit."),
        {"message": "a trial key, which is limited to 20 API calls / minute."},
        said(f"{PLAN} See https://help.example/error-code#token-limit", code="insufficient_quota"),
        said("You have exceeded the usage limit for free tier: 10 requests per minute."),
        said("Your quota is exhausted. It will reset after 23s."),
        said("temporarily rate-limited upstream, or add your own key: https://x.example/settings"),
    ],
)  # fmt: skip
def test_a_mere_rate_limit_is_never_spent_credit(body):
    found = fault(429, body)
    assert type(found) is RateLimited
    assert not found.stops_run


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, said("Your chosen model requires moderation and your input was flagged")),
        (403, {"error": "Request not allowed by guardrail: PII detected"}),
        (400, said("The response was filtered", code="content_filter", param="prompt",
                   innererror={"code": "ResponsibleAIPolicyViolation"})),
        (400, said("<400> InternalError.Algo.DataInspectionFailed: Input text data may contain"
                   " inappropriate content.", code="data_inspection_failed")),
        (400, said("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301")),
        (400, said("Content Exists Risk")),
        (400, said("The request was rejected because it was considered high risk")),
        (400, said("Invalid prompt: flagged as potentially violating our usage policy.")),
        (400, said("Output blocked by content filtering policy")),
        (400, said("Prompt blocked due to security configurations", code=2016)),
        (400, said("litellm.BadRequestError: litellm.ContentPolicyViolationError: filtered")),
        (422, said("Prompt blocked by safety system")),
        (403, said("Content violates usage guidelines. Team: a, API key ID: b")),
        (403, said("Prompt injection detected by AI firewall")),
        (400, said("Your request was rejected as a result of our safety system.")),
        (451, ""),
        (500, said("content policy violation")),
        (400, said("El contenido bloqueado por política de contenido")),
    ],
)  # fmt: skip
def test_a_flagged_input_costs_its_own_review_only(status, body):
    found = fault(status, body)
    assert type(found) is Filtered
    assert not found.stops_run


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>", ()),
        (403, "error code: 1010", ()),
        (403, {"title": "Error 1010: Access denied", "detail": "your browser's signature"}, ()),
        (403, {"error": "Request blocked by web application firewall"}, ()),
        (403, {"error": "flagged as automated traffic by our bot protection"}, ()),
        (403, "", (("cf-mitigated", "challenge"),)),
        (405, "", (("x-amzn-waf-action", "captcha"),)),
        (401, "<html><title>Sign in</title></html>", ()),
        (503, "<html><title>Checking your browser</title></html>", ()),
    ],
)
def test_a_page_of_a_guard_or_proxy_is_of_this_moment(status, body, headers):
    found = fault(status, body, headers=headers)
    assert type(found) is Unreachable
    assert isinstance(found, Transient)
    assert not found.stops_run


@pytest.mark.parametrize(
    ("status", "body", "error", "certain"),
    [
        (401, "", KeyRejected, True),
        (403, said("Incorrect API key provided"), KeyRejected, True),
        (400, [said("API key not valid.", details=[{"reason": "API_KEY_INVALID"}])], KeyRejected,
         True),
        (403, said("This token does not have sufficient permissions"), KeyRejected, True),
        (403, said("Country, region, or territory not supported"), KeyRejected, True),
        (451, said("This service is not available in your country"), KeyRejected, True),
        (403, said("Your account was flagged for suspicious activity."), KeyRejected, True),
        (403, said("Your organization must be verified to use the model"), KeyRejected, True),
        (403, {"message": "Forbidden"}, KeyRejected, False),
        (403, said("no access to model `gpt-9`", code="model_not_found"), ModelNotFound, None),
        (403, said("User Rate Limit Exceeded"), RateLimited, None),
    ],
)  # fmt: skip
def test_this_key_and_this_account_stop_the_run(status, body, error, certain):
    found = fault(status, body)
    assert type(found) is error
    assert getattr(found, "certain", None) == certain
    if status == 403 and certain and "API key" not in found.message:
        assert "X_KEY" in found.message + found.hint


SYSTEM = (
    "System role not supported",
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    "Developer instruction is not enabled for models/gemma-3",
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "Only user and assistant roles are supported!",
    "'system' is not one of ['user', 'assistant'] - 'messages.0.role'",
    "invalid role: system",
    "System messages are not supported",
    'messages: Unexpected role "system"',
    "First message must be from user",
    "该模型不支持 system 角色",
    "This model doesn't support system prompts",
    "This model only supports 'user' and 'assistant' roles",
    "Le rôle système n'est pas pris en charge",
)


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("words", SYSTEM)
def test_a_refused_system_role_is_told_by_many_words(status, words):
    found = fault(status, said(words))
    assert (type(found), found.parameter) == (ParameterRefused, "system")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Requested sample logprobs of 20, which is greater than max allowed: 5"),
        (422, "Input validation error: `top_n_tokens` must be >= 0 and <= 5. Given: 20"),
        (400, "Logprobs is not enabled for models/gemini-x"),
        (403, "You are not allowed to request logprobs from this model"),
        (400, "log probabilities are not available"),
        (500, "log-probs unsupported by this engine"),
    ],
)
def test_log_probabilities_that_are_not_given_are_told_by_many_words(status, words):
    for body in (said(words), [said(words)], {"object": "error", "message": words}):
        found = fault(status, body)
        assert (type(found), found.parameter) == (ParameterRefused, "logprobs")


@pytest.mark.parametrize(
    ("words", "asked", "left"),
    [
        ("Requested sample logprobs of 20, which is greater than max allowed: 5", 20, 5),
        ("`top_n_tokens` must be >= 0 and <= 5. Given: 20", 20, 5),
        ("must be between 0 and 8", 20, 8),
        ("must be less than 6", 20, 5),
        ("must be in the range [0,5]", 20, 5),
        ("top_logprobs is too high", 20, 5),
        ("top_logprobs is too high", 5, 0),
        ("20 is greater than the maximum of 1 - 'logprobs'", 20, 0),
        ("Logprobs is not enabled for models/gemini-2.5-pro", 20, 0),
    ],
)
def test_likeliest_tokens_are_reduced_to_what_the_message_says(words, asked, left):
    assert fewer_logprobs(words, asked) == left


CONTEXT = "This model's maximum context length is 8192 tokens."


@pytest.mark.parametrize(
    ("words", "asked", "left"),
    [
        ("max_tokens is too large: 5750. This model supports at most 4096 completion tokens,"
         " whereas you provided 5750.", 5750, 4096),
        ("max_tokens: 5750 > 4096, the maximum allowed number of output tokens", 5750, 4096),
        ("Invalid max_tokens value, the valid range of max_tokens is [1,4096]", 5750, 4096),
        ("`max_new_tokens` must be <= 1024. Given: 5750", 5750, 1024),
        ("max_tokens must be less than 4097", 5750, 4096),
        ("The maximum number of output tokens is 8,192", 9000, 8192),
        ("max_tokens is too high for this model", 5750, 2875),
        ("Expected a value >= 16 for max_output_tokens, below minimum, got 1", 1, 16),
        (f"{CONTEXT} However, you requested 9750 tokens (4000 in the messages, 5750 in the"
         " completion).", 5750, 4192),
        ("`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 4121 `inputs` tokens and 5750"
         " `max_new_tokens`", 5750, 4072),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", 21333,
         11760),
        (f"'max_tokens' is too large: 5750. {CONTEXT[:-1]} and your request has 3000 input tokens"
         " (5750 > 8192 - 3000).", 5750, 5192),
        (f"{CONTEXT} You requested a total of 9870 tokens: 4120 tokens from the input messages and"
         " 5750 tokens for the completion.", 5750, 4072),
        (f"{CONTEXT} However, you requested 9192 tokens.", 5750, 4750),
        ("on tokens per minute (TPM): Limit 6000, Requested 7123", 5750, 4627),
        ("Please reduce the length of the messages or completion.", 5750, 2875),
        ("exceeds the model limit of 4096. Try a maximum tokens value that is lower than 4096.",
         5750, 4095),
        ("too many tokens: max tokens must be less than or equal to 4096", 5750, 4096),
        ("Current length is 9000 while limit is 8192. Reduce the length of the messages", 5750,
         4942),
        ("maximum prompt length is 131072 but the request contains 140000 tokens.", 5750, 0),
        ("The input token count (1200000) exceeds the maximum number of tokens", 5750, 0),
        ("The input (9000 tokens) is longer than the model's context length (8192 tokens).", 5750,
         0),
        (f"{CONTEXT} However, your messages resulted in 14000 tokens.", 5750, 0),
        ("prompt is too long: 210000 tokens > 200000 maximum", 5750, 0),
        ("the request exceeds the available context size (4096 tokens)", 5750, 0),
        ("Prompt contains 9000 tokens, too large for model with 8192 maximum context length", 5750,
         0),
        ("tokens per minute (TPM): Limit 600, Requested 17123", 5750, 0),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", 5750, None),
        ("max_tokens: Extra inputs are not permitted", 5750, None),
        ("seed: extra", 5750, None),
    ],
)  # fmt: skip
def test_room_for_the_answer_is_what_the_message_leaves(words, asked, left):
    found = fewer_tokens(words, asked)
    assert (None if found is None else found.tokens) == left


@pytest.mark.parametrize(
    ("status", "body", "once"),
    [
        (404, said("No endpoints found that can handle the requested parameters."), False),
        (500, said("failed to load model vocabulary required for format"), False),
        (501, said("not implemented"), False),
        (405, said("structured outputs are not supported"), False),
        (400, said("response_format with json_schema is not supported"), False),
        (400, said("Failed to generate JSON.", code="json_validate_failed",
                   failed_generation="insufficient balance"), True),
        (500, said("Failed to advance FSM for request"), True),
    ],
)  # fmt: skip
def test_a_refused_format_is_told_from_one_answer_that_could_not_be_made_in_it(status, body, once):
    found = fault(status, body)
    assert (type(found), found.once) == (FormatRefused, once)
    assert type(fault(status, body, format="prompt")) is not FormatRefused


@pytest.mark.parametrize(
    "words",
    ["Unexpected token < in JSON at position 0", "upstream sent invalid JSON", "",
     "no capacity: the system message queue is full", "insufficient system resource"],
)  # fmt: skip
def test_a_broken_server_turns_down_nothing_of_the_request(words):
    assert type(fault(502, said(words))) is Unreachable


def test_what_a_server_repeats_of_the_question_decides_nothing():
    echo = "insufficient balance, content policy, System role not supported, response_format"
    body = {"detail": [{"loc": ["body", "x"], "msg": "Field required", "input": {"content": echo}}]}
    found = fault(400, body)
    assert type(found) is BadReply
    assert found.message.endswith("x: Field required")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (said("Provider returned error", metadata={"raw": json.dumps(said("closed until Monday"))}),
         "closed until Monday"),
        (said("Provider returned error", metadata={"raw": "closed until Monday"}),
         "closed until Monday"),
        ({"error": json.dumps(said("closed until Monday"))}, "closed until Monday"),
        ({"message": "Error code: 400 - {'error': {'message': 'closed until Monday'}}"},
         "closed until Monday"),
        (said("OpenAIException - " + json.dumps(said("closed until Monday"))),
         "OpenAIException: closed until Monday"),
        ({"errors": [{"detail": "closed until Monday"}]}, "closed until Monday"),
        ([said("closed until Monday")], "closed until Monday"),
        ({"type": "error", "error": {"type": "overloaded_error"}}, "error overloaded_error"),
        ("<html><head><title>Closed</title></head>", "a web page instead of an answer: Closed"),
        ("closed until Monday", "closed until Monday"),
        (said("x" * 5000), "x" * 5000),
        ("[" * 5000, "[" * 5000),
    ],
)  # fmt: skip
def test_what_the_server_really_said_is_found_and_shortened(body, words):
    text = body if isinstance(body, str) else json.dumps(body)
    assert read_error(text).words == words
    found = fault(400, body)
    assert words[:150] in found.message
    assert len(found.message) < 300


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ("Please try again in 20s.", 20),
        ("Rate limit reached. Please try again in 7m12s. Visit https://x.example/y", 432),
        ("Please retry in 35.5s.", 35.5),
        ("Please retry after 7 seconds.", 7),
        ("please wait 30 seconds before", 30),
        ("Resets in 6hr 29min.", 23_340),
        ("try again in 250ms", 0.25),
        ("请在 20 秒后重试", 20),
        ("It will be ready in about 40 seconds", 40),
        (json.dumps({"error": "Model m is currently loading", "estimated_time": 20.0}), 20),
        (json.dumps(gemini("x", RETRY)), 35),
        (json.dumps(said("m", metadata={"headers": {"Retry-After": "30"}})), 30),
        (json.dumps({"detail": "x", "retry_after_ms": 1500}), 1.5),
        ("please try again later", None),
        ("Rate limit: 10 requests per 10 seconds", None),
        ("Limit 6000, Requested 7123, please reduce", None),
        (json.dumps({"error": "x", "retry_after": -5}), None),
        (json.dumps({"error": "x", "retry_after": True}), None),
    ],
)
def test_a_wait_is_read_from_the_body_too(body, seconds):
    text = read_error(body)
    assert wait_in_body(text.waits, text.parts, now=NOW) == seconds


@pytest.mark.parametrize("status", [408, 409, 425, 500, 503, 529])
def test_the_wait_of_a_busy_server_is_kept_with_the_error(status):
    for found in (
        fault(status, said("loading"), headers=[("Retry-After", "20")]),
        fault(status, said("loading, try again in 20s")),
    ):
        assert (type(found), found.retry_after) == (Unreachable, 20)


def test_spent_credit_of_the_router_says_where_to_buy_and_what_works_without():
    router = TARGET.model_copy(update={"base_url": "https://router.huggingface.co/v1"})
    hint = fault(402, {"error": "You have depleted your monthly credits."}, target=router).hint
    assert "free account has no credit" in hint
    assert "huggingface.co/settings/billing" in hint
    assert "--provider local" in hint
    known = TARGET.model_copy(update={"base_url": "https://api.openai.com/v1"})
    assert "platform.openai.com" in fault(402, "", target=known).hint


@pytest.mark.parametrize(
    "piece",
    ["quota ", "system ", "max_tokens 5 ", "content ", "account ", "{", "a 1,", "not ",
     "try again in ", "<title>"],
)  # fmt: skip
@pytest.mark.parametrize("opening", ["", '{"error": {"message": "', "<html>"])
def test_reading_an_error_takes_no_longer_than_its_length(piece, opening):
    fault(400, opening + piece * (65_536 // len(piece)))
