from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.demo.ehrs import Bench, ids


def search(bench: Bench, query: str) -> list[str]:
    answer = bench.http.get(f"/fhir/Observation?{query}", headers=bench.token())
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("patient=p1", ["o1", "o2", "o3", "o4"]),
        ("patient=Patient/p1", ["o1", "o2", "o3", "o4"]),
        ("subject=Patient/p2", ["o5"]),
        ("subject:Patient=p2", ["o5"]),
        ("patient=http://127.0.0.1:8000/fhir/Patient/p2", ["o5"]),
        ("patient=p1,p2&code=89247-1", ["o1", "o2", "o4", "o5"]),
        ("patient=p1&patient=p2", []),
        ("patient=nobody", []),
        ("patient=p1&code=89247-1", ["o1", "o2", "o4"]),
        ("patient=p1&code=http://loinc.org|89247-1", ["o1", "o2"]),
        ("patient=p1&code=http://loinc.org|", ["o1", "o2", "o3"]),
        ("patient=p1&code=|89247-1", []),
        ("patient=p1&code=89247-1,2039-6", ["o1", "o2", "o3", "o4"]),
        ("patient=p1&code=http://loinc.org|2039-6,http://other.example|89247-1", ["o3", "o4"]),
        ("patient=p1&status=preliminary", ["o3"]),
        ("patient=p1&status=final,preliminary&code=2039-6", ["o3"]),
        ("_id=o1,o5", ["o1", "o5"]),
        ("_id=o1&patient=p2", []),
        ("patient=p1&date=2026-11-01", ["o1"]),
        ("patient=p1&date=2026", ["o1", "o2", "o3"]),
        ("patient=p1&date=ge2026-11", ["o1", "o3"]),
        ("patient=p1&date=lt2026-10-15", ["o2", "o4"]),
        ("patient=p1&date=sa2026-10-31", ["o1", "o3"]),
        ("patient=p1&date=eb2026", ["o4"]),
        ("patient=p1&date=ne2026-11-01", ["o2", "o3", "o4"]),
        ("patient=p1&date=ge2026-10-01&date=le2026-10-31", ["o2"]),
        ("patient=p1&date=2026-11-03T09:00:00Z", ["o3"]),
        ("patient=p1&_sort=-date", ["o3", "o1", "o2", "o4"]),
        ("patient=p1&_sort=date", ["o4", "o2", "o1", "o3"]),
        ("patient=p1&_sort=status,-date", ["o1", "o2", "o4", "o3"]),
        ("patient=p1&unknown=1&_format=json", ["o1", "o2", "o3", "o4"]),
        ("patient=p1&code=", ["o1", "o2", "o3", "o4"]),
    ],
)
def test_a_search_finds(bench: Bench, query: str, found: list[str]) -> None:
    assert search(bench, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "date=yesterday",
        "date=2026-13",
        "date=2026-02-31",
        "_count=many",
        "_count=-1",
        "_offset=x",
        "_sort=colour",
        "code:text=ecog",
        "patient:missing=true",
    ],
)
def test_a_search_that_makes_no_sense_is_refused(bench: Bench, query: str) -> None:
    answer = bench.http.get(f"/fhir/Observation?{query}", headers=bench.token())
    issue = answer.json()["issue"][0]
    assert (answer.status_code, issue["severity"], issue["code"]) == (400, "error", "invalid")


def test_a_strict_client_is_told_of_unknown_parameters(bench: Bench) -> None:
    headers = {**bench.token(), "Prefer": "handling=strict"}
    assert bench.http.get("/fhir/Observation?colour=red", headers=headers).status_code == 400


def test_pages_follow_one_another_by_next_links(bench: Bench) -> None:
    seen, url = [], "/fhir/Observation?patient=p1&_sort=-date&_count=3"
    bundles = []
    while url:
        bundle = bench.http.get(url, headers=bench.token()).json()
        bundles.append(bundle)
        seen += ids(bundle)
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        url = "?".join(urlsplit(links["next"])[2:4]) if "next" in links else ""
    assert seen == ["o3", "o1", "o2", "o4"]
    assert [bundle["total"] for bundle in bundles] == [4, 4]


def test_a_page_says_what_was_searched(bench: Bench) -> None:
    bundle = bench.http.get("/fhir/Observation?patient=p2&colour=red", headers=bench.token()).json()
    assert bundle["link"] == [{"relation": "self", "url": "http://127.0.0.1:8000/fhir/Observation?patient=p2"}]
    assert bundle["entry"][0]["fullUrl"] == "http://127.0.0.1:8000/fhir/Observation/o5"
    assert bundle["entry"][0]["search"] == {"mode": "match"}


def test_an_empty_result_has_no_entry(bench: Bench) -> None:
    bundle = bench.http.get("/fhir/Condition?patient=p1", headers=bench.token()).json()
    assert (bundle["total"], "entry" in bundle) == (0, False)


def test_count_zero_gives_the_total_alone(bench: Bench) -> None:
    bundle = bench.http.get("/fhir/Observation?patient=p1&_count=0", headers=bench.token()).json()
    assert (bundle["total"], "entry" in bundle, len(bundle["link"])) == (4, False, 1)


def test_a_search_by_post_finds_the_same(bench: Bench) -> None:
    form = {"patient": "p1", "code": "2039-6"}
    answer = bench.http.post("/fhir/Observation/_search", data=form, headers=bench.token())
    assert ids(answer.json()) == ["o3"]


def test_a_search_by_post_takes_forms_only(bench: Bench) -> None:
    answer = bench.http.post("/fhir/Observation/_search", json={"patient": "p1"}, headers=bench.token())
    assert answer.status_code == 415


def test_patients_are_found_by_name_and_identifier(bench: Bench) -> None:
    found = bench.http.get("/fhir/Patient?family=tw", headers=bench.token()).json()
    assert ids(found) == ["p2"]
