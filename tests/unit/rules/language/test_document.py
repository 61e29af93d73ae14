"""Packs as documents: what is read, what is refused and where, and what the rules of a pack decide."""

import pytest

from models.scorecard import Characteristic, Scorecard
from rules.compile.compiler import compile_pack
from rules.decisions.decision import Action
from rules.decisions.pack import Decider, Trace
from rules.language.cases import columns_of
from rules.language.document import FILES_BYTES_MAX, Mode, read_pack
from rules.language.problems import PackError

HEAD = "name: p\nfallback: review\n"


def traced(text: str, cards: dict[str, Scorecard] | None = None) -> Trace:
    """What becomes of the tests of a pack."""
    document = read_pack(text)
    return Decider(compile_pack(document, cards or {}, 7, 3)).trace(columns_of(document.tests))


def payments(*given: str) -> str:
    return "tests:\n" + "".join(f"  - {{name: t, given: {{{each}}}, expect: {{}}}}\n" for each in given)


def test_a_credit_scenario_is_told_so_and_nothing_else() -> None:
    text = "name: hotel\ntitle: Hotel\ncondition:\n  - {if: score >= 600}\ndata: [score]\n"
    with pytest.raises(PackError) as refused:
        read_pack(text)
    (problem,) = refused.value.problems
    assert (problem.line, problem.message) == (3, "this is a credit scenario, not a rule pack")
    with pytest.raises(PackError, match="a pack has no field condition"):
        read_pack(HEAD + "condition: []\n")


def test_points_of_live_rules_are_added_and_meet_the_thresholds() -> None:
    text = (
        HEAD
        + "thresholds: {review_below: 0, decline_below: -20}\n"
        + "rules:\n"
        + "  - {id: a, when: amount > 10, action: approve, points: -15, reason: LARGE}\n"
        + "  - {id: b, when: hour < 6, action: approve, points: -10, reason: NIGHT}\n"
        + "  - {id: s, when: 'true', action: decline, points: -99, reason: SHADOW, mode: shadow}\n"
        + "  - {id: o, when: 'true', action: decline, points: -99, reason: OFF, mode: off}\n"
        + payments("amount: 1, hour: 9", "amount: 11, hour: 9", "amount: 11, hour: 3")
    )
    trace = traced(text)
    assert trace.decisions["action"].tolist() == [Action.APPROVE, Action.REVIEW, Action.DECLINE]
    assert trace.decisions["points"].tolist() == [0, -15, -25]
    assert trace.decisions["reasons"].tolist() == [0, 0b01, 0b11]
    assert trace.hits.tolist() == [[False, False, True], [True, False, True], [True, True, True]]
    assert (trace.decisions["pack"] == 7).all()


def test_the_stricter_of_rules_and_points_gives_the_reasons() -> None:
    card = Scorecard(
        name="c",
        version=2,
        characteristics=(Characteristic(feature="hour", reason="HOUR", edges=(6,), points=(0, 50), missing=0),),
    )
    text = (
        HEAD
        + "card: c@2\nthresholds: {decline_below: 10}\n"
        + "rules: [{id: a, when: amount > 10, action: review, reason: LARGE}]\n"
        + payments("amount: 11, hour: 9", "amount: 11, hour: 3")
    )
    trace = traced(text, {"c@2": card})
    assert trace.decisions["action"].tolist() == [Action.REVIEW, Action.DECLINE]
    assert trace.decisions["reasons"].tolist() == [0b01, 0b10]


def test_rules_share_a_reason_and_fire_within_their_dates_only() -> None:
    text = (
        HEAD
        + "rules:\n"
        + "  - {id: a, when: hold, action: review, reason: R, from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z}\n"
        + "  - {id: b, when: payer_available > 5, action: review, reason: R, from: 2026-02-01T00:00:00Z}\n"
        + payments(
            "hold: true, effective_time: 2025-12-31T23:59:59.999Z",
            "hold: true, effective_time: 2026-01-01T00:00:00Z",
            "hold: true, effective_time: 2026-02-01T00:00:00Z, payer_available: null",
        )
    )
    trace = traced(text)
    assert trace.hits.tolist() == [[False, False], [True, False], [False, False]]
    assert trace.not_evaluated.tolist() == [0, 1]
    assert trace.decisions["reasons"].tolist() == [0, 1, 0]


def test_words_are_words_and_lists_come_from_files() -> None:
    text = (
        HEAD
        + "lists: {home: [NO, MM], wallets: {file: lists/wallets.txt}}\n"
        + "rules:\n"
        + "  - {id: a, when: country in lists.home, action: review, reason: R}\n"
        + "  - {id: b, when: payer in lists.wallets, action: review, reason: R}\n"
        + payments("country: NO, payer: 00000001-0000-8abc-8123-456789abcdef")
    )
    wallets = "# known\n00000001-0000-8abc-8123-456789abcdef # one\n\n"
    document = read_pack(text, {"lists/wallets.txt": wallets}.__getitem__)
    trace = Decider(compile_pack(document, {}, 1, 1)).trace(columns_of(document.tests))
    assert trace.hits.tolist() == [[True, True]]
    assert document.files == {"lists/wallets.txt": wallets}
    assert [rule.mode for rule in document.rules] == [Mode.LIVE, Mode.LIVE]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_entry_of_a_file_is_what_a_person_reads_there(end: str) -> None:
    """A byte order mark made the first blocked device pass, and quotes the last."""
    file = end.join(["\ufeffdev-1", "dev-2", "  dev 3 # comment", '"dev-4"', '"dev#5" # in quotes', "# none", ""])
    text = (
        HEAD
        + "lists: {d: {file: devs.txt}}\n"
        + "rules: [{id: a, when: device in lists.d, action: decline, reason: R}]\n"
        + payments(*(f'device: "{name}"' for name in ("dev-1", "dev-2", "dev 3", "dev-4", "dev#5", "dev-6")))
    )
    document = read_pack(text, {"devs.txt": file}.__getitem__)
    trace = Decider(compile_pack(document, {}, 1, 1)).trace(columns_of(document.tests))
    assert trace.hits[:, 0].tolist() == [True] * 5 + [False]


def test_long_lists_are_searched() -> None:
    entries = ", ".join(str(number) for number in range(0, 3_000, 3))
    rule = "rules: [{id: a, when: amount in lists.threes, action: review, reason: R}]\n"
    text = HEAD + f"lists: {{threes: [{entries}]}}\n" + rule + payments(*(f"amount: {n}" for n in range(12)))
    assert traced(text).hits[:, 0].tolist() == [number % 3 == 0 for number in range(12)]


def test_256_rules_have_a_bit_each() -> None:
    rules = "".join(f"  - {{id: r{i}, when: amount == {i}, action: approve}}\n" for i in range(256))
    trace = traced(HEAD + "rules:\n" + rules + payments(*(f"amount: {n}" for n in (0, 15, 16, 63, 64, 255, 256))))
    assert [hits.nonzero()[0].tolist() for hits in trace.hits] == [[0], [15], [16], [63], [64], [255], []]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("name: p\n", 1, 1, "a pack needs the field fallback"),
        ("name: 5\nfallback: review\n", 1, 7, "5 is no name"),
        (HEAD + "falback: x\n", 3, 1, "a pack has no field falback"),
        (HEAD + "rules: {}\n", 3, 8, "a list is expected"),
        (HEAD + "rules:\n  - {id: a, when: hold, action: review}\n", 4, 5, "needs a reason"),
        (HEAD + "rules:\n  - {id: a, when: hold, action: approve, reason: low}\n", 4, 50, "low is no name"),
        (HEAD + "rules:\n  - {id: a, when: hold, action: stop, reason: R}\n", 4, 33, "action stop is not known"),
        (HEAD + "rules:\n  - {id: a, when: 5, action: approve}\n", 4, 19, "a condition is expected"),
        (HEAD + "rules:\n" + "  - {id: a, when: hold, action: approve}\n" * 2, 5, 10, "two rules are called a"),
        (HEAD + "rules:\n  - id: a\n    when: >\n      hold &&\n      amout > 5\n    action: approve\n", 7, 7, "amout"),
        (
            HEAD + "rules:\n  - id: a\n    when: 'country == ''MMM'' '\n    action: approve\n",
            5,
            23,
            "'MMM' is no country",
        ),
        (HEAD + 'rules:\n  - id: a\n    when: "\\"X\\" == channel"\n    action: approve\n', 5, 13, "'X' is no channel"),
        (HEAD + "thresholds: {decline_below: 5}\n", 3, 13, "thresholds need points"),
        (HEAD + "thresholds: {review_below: 5, decline_below: 9}\n", 3, 13, "nothing would be reviewed"),
        (HEAD + "card: start\n", 3, 7, "a card is named with its version"),
        (HEAD + "lists: {a: [1, x]}\n", 3, 16, "texts or whole numbers, not both"),
        (HEAD + "lists: {a: {file: ../x}}\n", 3, 19, "a list's file lies beside the pack"),
        (HEAD + "tests: [{name: t, given: {amuont: 5}, expect: {}}]\n", 3, 27, "no field is named amuont"),
        (HEAD + "tests: [{name: t, given: {amount: null}, expect: {}}]\n", 3, 35, "amount: it is always known"),
        (HEAD + "tests: [{name: t, given: {amount: MM}, expect: {}}]\n", 3, 35, "a whole number is expected"),
        (HEAD + "tests: [{name: t, given: {country: UK}, expect: {}}]\n", 3, 36, "country: 'UK' is no country"),
        (HEAD + "tests: [{name: t, given: {hour: 24}, expect: {}}]\n", 3, 33, "hour: 24 does not occur, only 0..23 do"),
        (HEAD + "tests: [{name: t, given: {}, expect: {fires: [x]}}]\n", 3, 47, "no rule is called x"),
        (HEAD + "rules:\n  - {id: a, when: hold, action: approve, until: 2026}\n", 4, 49, "an RFC 3339 time"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(PackError) as refused:
        read_pack(text)
    problem = refused.value.problems[0]
    assert message in problem.message
    assert (problem.line, problem.column) == (line, column), problem.render()
    assert problem.text == text.splitlines()[line - 1]


@pytest.mark.parametrize(
    ("entries", "field", "message", "hint"),
    [
        (
            "MM\n\nBurma # the same\nUK\nKH\nmm\n",
            "country",
            "lists.a, line 3 of a.txt: 'Burma' is no country, two letters of ISO 3166-1 like MM (2 more: line 4, 6)",
            "",
        ),
        ("# home\nUK", "country", "lists.a, line 2 of a.txt: 'UK' is no country, two letters", "write GB"),
        ("1\n2\nthree", "amount", "lists.a, line 3 of a.txt: 'three' is no whole number", ""),
        ("1\n9223372036854775808", "amount", "lists.a, line 2 of a.txt: 9223372036854775808 is beyond 64 bits", ""),
        ("22\n24", "hour", "lists.a, line 2 of a.txt: 24 does not occur, only 0..23 do", ""),
        ("00000001-0000-8abc-8123-456789abcdef\nx", "payer", "lists.a, line 2 of a.txt: a wallet id is expected", ""),
        ("atm\natn", "channel", "line 2 of a.txt: 'atn' is no channel", "did you mean atm?"),
    ],
)
def test_a_wrong_entry_of_a_file_is_named(entries: str, field: str, message: str, hint: str) -> None:
    """Without its line nobody finds one of 100,000 entries."""
    rule = f"rules:\n  - {{id: a, when: {field} in lists.a, action: review, reason: R}}\n"
    with pytest.raises(PackError) as refused:
        read_pack(HEAD + "lists: {a: {file: a.txt}}\n" + rule, {"a.txt": entries}.__getitem__)
    (problem,) = refused.value.problems
    assert message in problem.message and hint in problem.hint, problem.render()


def test_a_wrong_entry_that_stands_in_the_pack_is_named() -> None:
    text = (
        HEAD
        + "lists:\n  a:\n    - MM\n    - UK\nrules: [{id: a, when: country in lists.a, action: review, reason: R}]\n"
    )
    with pytest.raises(PackError, match=r"lists\.a, line 6: 'UK' is no country") as refused:
        read_pack(text)
    assert refused.value.problems[0].hint == "write GB"


RULE_LIKE_A_ROW = "rules: [{id: big.1, when: amount > 1000000, action: decline, reason: R}]\n"
BIG = "{id: big, hit: first, inputs: [amount], rows: [{when: ['> 500000'], action: review, reason: R}]}"
TABLE_LIKE_A_ROW = "{id: big.1, hit: collect, inputs: [amount], rows: []}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{RULE_LIKE_A_ROW}tables:\n  - {BIG}\n", 5),
        (f"tables:\n  - {TABLE_LIKE_A_ROW}\n  - {BIG}\n", 5),
        (f"tables:\n  - {BIG}\n  - {TABLE_LIKE_A_ROW}\n", 5),
    ],
)
def test_a_rule_that_is_called_what_a_row_is_called_is_refused(text: str, line: int) -> None:
    """A snooze of one would let the wallet past both."""
    with pytest.raises(PackError) as refused:
        read_pack(HEAD + text)
    assert [(each.line, each.message) for each in refused.value.problems] == [(line, "two rules are called big.1")]
    assert "big.1" in [rule.id for rule in read_pack(HEAD + text, stored=True).rules], "what was published still opens"


def test_files_that_are_too_long_together_are_refused_by_name() -> None:
    files = {"a.txt": "x" * (FILES_BYTES_MAX // 2), "b.txt": "\u00e4" * (FILES_BYTES_MAX // 4 + 1)}
    with pytest.raises(PackError, match=r"the files up to b\.txt have more than 8,388,608 bytes"):
        read_pack(HEAD + "lists: {a: {file: a.txt}, again: {file: a.txt}, b: {file: b.txt}}\n", files.__getitem__)


def test_devices_whose_names_are_numbers_come_from_a_file() -> None:
    """What is looked for says what the entries are, not how they look."""
    text = (
        HEAD
        + "lists: {d: {file: d.txt}}\n"
        + "rules: [{id: a, when: device in lists.d && !(amount in lists.d), action: review, reason: R}]\n"
        + payments("device: '4711', amount: 1", "device: '4711', amount: 4711", "device: '4713', amount: 1")
    )
    document = read_pack(text, {"d.txt": "4711\n4712\n"}.__getitem__)
    assert Decider(compile_pack(document, {}, 1, 1)).trace(columns_of(document.tests)).hits[:, 0].tolist() == [
        True,
        False,
        False,
    ]


def notes(*rules: str, before: str = "") -> list[tuple[str, str]]:
    lines = "".join(f"  - {{id: r{at}, when: '{when}', action: approve}}\n" for at, when in enumerate(rules))
    return [
        (note.text[note.column - 1 :][: note.width], note.message)
        for note in read_pack(HEAD + before + "rules:\n" + lines).notes
    ]


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ('!(country in ["MM"])', '!(country in ["MM"]'),
        ('amount > 5 && country != "MM"', 'country != "MM"'),
        ('!(country == "MM") || amount > 5', '!(country == "MM"'),
        ('!(amount > 5 && device == "x")', '!(amount > 5 && device == "x"'),
    ],
)
def test_a_negation_that_is_passed_by_leaving_out_what_it_is_about_is_named(condition: str, part: str) -> None:
    """`!(country in [...])` does not fire when no country is given, which an author may not expect."""
    ((where, message),) = notes(condition)
    assert where.startswith(part) and "has no value, so nothing fires" in message


def test_a_negation_that_says_what_happens_then_is_not() -> None:
    assert not notes(
        'country == null || !(country in ["MM"])',
        'country != null && country != "MM"',
        'country == null ? true : !(country in ["MM"])',
        'country in ["MM"]',
        "!(amount > 5)",
        'amount > 5 && !saturated("7d")',
    )
    trace = traced(
        HEAD
        + "rules:\n"
        + "  - {id: a, when: 'country == null || !(country in [\"MM\"])', action: decline, reason: R}\n"
        + payments("country: null", "country: MM", "country: DE")
    )
    assert trace.hits[:, 0].tolist() == [True, False, True] and trace.not_evaluated.tolist() == [0]


def test_what_never_changes_and_empty_lists_are_named() -> None:
    assert notes("hour >= 0") == [("hour >= 0", "hour is 0..23, so this always holds")]
    assert notes("24 > hour && amount > 5") == [("24 > hour", "hour is 0..23, so this always holds")]
    assert notes("payer_score < 500") == []
    assert notes("country in lists.e", before="lists: {e: []}\n") == [("[]", "the list e is empty")]


def test_a_published_pack_opens_though_more_is_checked_today() -> None:
    text = (
        HEAD
        + "lists: {a: [UK]}\n"
        + "rules: [{id: a, when: 'country in lists.a || hour == 24 || country.startsWith(\"UK\")', action: review, reason: R}]\n"
        + payments("country: UK", "country: GB, hour: 25")
    )
    with pytest.raises(PackError):
        read_pack(text)
    document = read_pack(text, stored=True)
    trace = Decider(compile_pack(document, {}, 1, 1)).trace(columns_of(document.tests))
    assert trace.hits[:, 0].tolist() == [True, False]


def test_all_problems_are_named_at_once() -> None:
    text = HEAD + "rules:\n  - {id: a, when: amout > 5, action: stop}\n  - {id: b, when: hold + 1, action: approve}\n"
    with pytest.raises(PackError) as refused:
        read_pack(text)
    assert [problem.line for problem in refused.value.problems] == [4, 4, 5]
