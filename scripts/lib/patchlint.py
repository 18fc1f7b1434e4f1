# SPDX-License-Identifier: GPL-2.0
"""What a patch message must look like."""

import email.utils
import re

FROM = re.compile(r"[^<>]+ <[^<>@\s]+@[^<>@\s]+>\Z")
DATE = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000\Z")
SUBJECT_MAX, BODY_MAX, BODY_MIN = 72, 75, 80
AREAS = {"kernel": re.compile(r"(kdbus|io_uring)(: [a-z0-9./_-]+)*\Z"),
         "systemd": re.compile(r"[A-Za-z0-9,./_-]+(: [A-Za-z0-9,./_-]+)*\Z")}
# First words that end like another tense or person and are imperatives all the same.
IMPERATIVE = {"embed", "feed", "need", "seed", "bring", "pass", "process", "address", "access",
              "compress", "suppress", "bypass", "express", "focus", "proceed", "exceed"}
MAIL_SYNTAX = re.compile(r"(From |diff |Index: |--- |\+\+\+ |@@ |---\Z)")


def imperative(word):
    return word in IMPERATIVE or not re.search(r"(ed|ing|s)\Z", word)


def lint_subject(subject, series):
    area, colon, text = subject.rpartition(": ")
    if len(subject) > SUBJECT_MAX:
        yield f"Subject has {len(subject)} characters, more than {SUBJECT_MAX}"
    if not colon or not AREAS[series].match(area):
        wanted = "kdbus: [area: ]" if series == "kernel" else "area: "
        yield f"Subject does not begin with '{wanted}'"
    if text.endswith("."):
        yield "Subject ends with a full stop"
    first = text.split(" ")[0]
    if not first.islower() or not imperative(first):
        yield f"Subject: '{first}' does not look like a lower-case imperative"


def lint_date(date):
    parsed = email.utils.parsedate_to_datetime(date) if DATE.match(date) else None
    if parsed is None or parsed.strftime("%a") != date[:3]:
        yield f"Date is not a fixed date in UTC of the form 'Sun, 22 Nov 2026 00:00:00 +0000': {date}"


def lint_body(body):
    text = [line for line in body if not line.startswith("Signed-off-by:")]
    if sum(map(len, text)) < BODY_MIN:
        yield "the body says next to nothing"
    if text and (not text[0].strip()):
        yield "the body begins with an empty line"
    for line in text:
        if len(line) > BODY_MAX and " " in line.strip() and not line.startswith("    "):
            yield f"body line longer than {BODY_MAX}: {line[:40]}…"
        if line != line.rstrip():
            yield f"trailing space: '{line}'"
        if MAIL_SYNTAX.match(line):
            yield f"git am would misunderstand the body line '{line}'"


def lint_signoff(sender, body):
    signed = [line.partition(": ")[2] for line in body if line.startswith("Signed-off-by:")]
    if sender not in signed:
        yield "there is no Signed-off-by equal to From"
    if signed and not body[-1].startswith("Signed-off-by:"):
        yield "Signed-off-by is not the last line of the body"


def lint_message(headers, body, series):
    """Complaints about one message, as sentences."""
    if not FROM.match(headers["From"]):
        yield f"From is not 'Name <address>': {headers['From']}"
    yield from lint_date(headers["Date"])
    yield from lint_subject(headers["Subject"], series)
    yield from lint_body(body)
    if series == "kernel" or any(line.startswith("Signed-off-by:") for line in body):
        yield from lint_signoff(headers["From"], body)
