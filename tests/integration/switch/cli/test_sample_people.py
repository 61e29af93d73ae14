"""`serve --sample`: each person gets the answer that stands beside its name, however often the switch starts."""

import json
import shlex
from pathlib import Path

import pytest

from models.credit.shipped import SHIPPED, shipped
from rules.scenarios.law import PRESETS
from switch.cli.sample_people import AMOUNT, PEOPLE, SCENARIO, TILL, _features, make_people, merchant_key, question
from tests.front_door import RunningSwitch, running_switch

pytestmark = pytest.mark.asyncio(loop_scope="session")


def as_stated(answer: dict[str, object]) -> str:
    """As the table of people says it, without why nothing is available, which a merchant is not told."""
    if answer["result"] != "no":
        return str(answer["result"])
    return f"no: {', '.join(answer['reasons'])}" + (", disputed" if answer.get("disputed") else "")  # type: ignore[arg-type]


async def check_answers(switch: RunningSwitch, folder: Path, relations: bool) -> None:
    key = await merchant_key(switch.database_url, folder)
    first, again = [await make_people(switch.base, switch.key, relations) for _ in range(2)]
    assert first == again and set(first) == {TILL, *(person.name for person in PEOPLE)}
    for person in PEOPLE:
        body = {"wallet": first[person.name], "scenario": SCENARIO, "amount": AMOUNT}
        answer = await switch.call("POST", "/v1/credit/decisions", body, key=person.name, token=key)
        expected = person.answer.partition(":")[0] if person.answer.startswith("not_available") else person.answer
        assert as_stated(answer.json) == expected, (person, answer.json)


async def test_a_merchant_gets_the_answers_that_are_said_beforehand(shared: RunningSwitch, tmp_path: Path) -> None:
    await check_answers(shared, tmp_path, relations=True)


async def test_the_answers_are_the_same_where_nobody_is_judged_by_whom_they_pay(
    database_url: str, tmp_path: Path
) -> None:
    """The sample ended with a refusal of its card."""
    async with running_switch(database_url, law=PRESETS["eu"]) as switch:
        await check_answers(switch, tmp_path, relations=False)


async def test_the_question_that_is_printed_is_one(shared: RunningSwitch) -> None:
    ids = {person.name: f"id of {person.name}" for person in PEOPLE}
    *lines, _, command = question("http://here", "sp_key", ids).split("\n", len(PEOPLE) + 1)
    assert [line.split("  ")[-1].strip() for line in lines] == [ids[person.name] for person in PEOPLE]
    words = shlex.split(command.replace("\\\n", " "))
    assert words[2] == "http://here/v1/credit/decisions" and "Authorization: Bearer sp_key" in words
    assert json.loads(words[-1]) == {"wallet": ids[PEOPLE[0].name], "scenario": SCENARIO, "amount": AMOUNT}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("at_most", [540, 760])
async def test_features_come_to_as_many_points_as_a_person_has_at_most(at_most: int, name: str) -> None:
    card = shipped(name)
    values = _features(card, at_most)
    total = card.base
    for item in card.characteristics:
        total += item.points[sum(edge <= values[item.feature] for edge in item.edges or ())]
    assert at_most - 60 < total <= at_most and set(values) == {item.feature for item in card.characteristics}
