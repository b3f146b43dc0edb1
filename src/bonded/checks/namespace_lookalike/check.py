"""A name stands, or seems to stand, in the namespace of a well known organisation.

**What it looks for.** Names whose first word is almost that of an organisation that publishes many projects (`gooogle-`, `azuer-`,
`opentelemtry-`), and names in the exact pattern of its own projects (`google-cloud-`, `azure-mgmt-`, `alibabacloud-`) where
nothing in the metadata leads to that organisation.

**Why it matters.** Whoever looks for an SDK guesses its name from the pattern, and takes whatever stands there for official.

**What is not flagged.** Projects that exist on the index already, names on the list of popular ones, and archives whose links,
authors or namespace packages lead to the organisation.

**When it is a false alert.** Anybody may write a client and name it after the service; a hint only.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check, word_set
from bonded.checks.near import easily_slipped, one_apart
from bonded.checks.popular import addresses, popular
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind

_WORDS = word_set(
    "google azure microsoft amazon opentelemetry nvidia apache alibabacloud aliyun tencentcloud huaweicloud oracle salesforce "
    "databricks snowflake cloudflare stripe paypal binance coinbase openai anthropic huggingface langchain telegram discord "
    "django flask pytest sphinx jupyter kubernetes airflow tensorflow"
)
_PATTERNS = {
    "google-cloud-": ("google",),
    "azure-mgmt-": ("microsoft", "azure"),
    "azure-storage-": ("microsoft", "azure"),
    "alibabacloud-": ("aliyun", "alibaba"),
    "tencentcloud-sdk-": ("tencent",),
    "huaweicloudsdk": ("huawei",),
    "apache-airflow-providers-": ("apache",),
    "mypy-boto3-": ("vemel",),
    "nvidia-cu": ("nvidia",),
}


@check(
    name="namespace-lookalike",
    version=1,
    severity=Severity.LOW,
    sentence="A name stands, or seems to stand, in the namespace of a well known organisation.",
    subject=SubjectKind.PROJECT,
    uses_context=True,
)
def lookalike(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """At most one hit: for the first word, or for the pattern."""
    name = own_name(facts, context)
    first, dash, _ = name.partition("-")
    if name in popular() or not dash or (context is not None and not context.new_project):
        return
    for word in sorted(_WORDS - {first}):
        if one_apart(first, word) and easily_slipped(first, word) and first not in popular():
            yield Hit(f"{name!r} begins almost like {word}-: {first!r}", 0.6, severity=Severity.MEDIUM)
            return
    leads = " ".join((*facts.naming.links, *addresses(facts.metadata))).lower()
    for pattern, marks in _PATTERNS.items():
        if name.startswith(pattern) and not any(mark in leads for mark in marks):
            yield Hit(f"{name!r} is named as {marks[0]} names its projects, and nothing in it leads there", 0.25)
            return
