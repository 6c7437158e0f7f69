"""Three checks of schemathesis, told what a JSON Schema cannot say: read by `schemathesis run` as SCHEMATHESIS_HOOKS."""

import re

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi import checks

# Rules between values, which docs/api.md states: ids are unique, a weight is of a head of the ranker and within its bounds,
# the time is said only where the service goes by what requests say, and is then one that a clock can show. As code of the refusal
# and path of each of its problems.
RULES = [
    ("request_invalid", r"/(candidates/\d+/id)?", r"is the id of candidate|occurs? again"),
    ("head_unknown", r"/weights(/.*)?", ""),
    ("weight_out_of_bounds", r"/weights(/.*)?", ""),
    ("request_invalid", r"/time", r"cannot be said to this service|is not a time"),
]


def _json(response):
    try:
        return response.json()
    except ValueError:
        return None


def _breaks_a_rule(response):
    error = (_json(response) or {}).get("error", {})
    problems = error.get("problems", [])
    return bool(problems) and any(
        all(
            error.get("code") == code
            and re.fullmatch(path, problem["path"], re.DOTALL)
            and re.search(message, problem["message"])
            for problem in problems
        )
        for code, path, message in RULES
    )


def _refused_each(response):
    """Feedback is checked event by event: what is wrong is listed in a 200, and nothing wrong is accepted."""
    body = _json(response)
    return isinstance(body, dict) and len(body.get("refused", [])) > 0


# That a service says "later" under load, or while something it needs is away, is no error of its own.
LATER = {"not_ready", "overloaded"}


@schemathesis.check
def no_server_error(ctx, response, case):
    error = (_json(response) or {}).get("error", {}) if response.status_code == 503 else {}
    if error.get("code") in LATER and error.get("retriable") is True:
        return None
    return not_a_server_error(ctx, response, case)


@schemathesis.check
def valid_is_accepted(ctx, response, case):
    try:
        return checks.positive_data_acceptance(ctx, response, case)
    except Failure:
        if response.status_code in (400, 422) and _breaks_a_rule(response):
            return None
        raise


@schemathesis.check
def invalid_is_refused(ctx, response, case):
    try:
        return checks.negative_data_rejection(ctx, response, case)
    except Failure as failure:
        # A header that nobody knows is no mistake.
        if "in header - object with unexpected properties" in failure.message:
            return None
        if response.status_code == 413:
            return None
        if case.operation.path == "/v1/feedback" and response.status_code == 200 and _refused_each(response):
            return None
        raise
