"""Grafana's variables, by its rules."""

from __future__ import annotations

from dashboards.pictures.words import written
from dashboards.view import View


def test_a_panels_interval_is_never_shorter_than_its_least() -> None:
    hours = View(0, 6 * 3600, points=600)
    assert hours.interval({}) == 30
    assert hours.interval({"interval": "1m"}) == 60
    assert View(0, 600).interval({}) == 10


def test_the_rate_interval_is_a_scrape_longer_and_at_least_four() -> None:
    view = View(0, 3600, scrape=10)
    assert view.filled("[$__rate_interval]", {"interval": "1m"}) == "[70000ms]"
    assert view.filled("[$__rate_interval]", {}) == "[40000ms]"


def test_variables_in_both_spellings() -> None:
    view = View(0, 3600, chosen={"organization": "(1|2)"})
    text = 'a{b=~"$organization",c=~"${organization}",d=~"$algorithm"}[$__range] ${__value.raw}'
    assert view.filled(text, {}) == ('a{b=~"(1|2)",c=~"(1|2)",d=~".*"}[3600s] ${__value.raw}')


def test_a_value_is_escaped_for_an_expression_where_it_says_so() -> None:
    view = View(0, 3600, chosen={"service": "a.b"})
    assert view.filled("a{b=~`${service:regex}`}", {}) == "a{b=~`a\\.b`}"
    assert View(0, 3600).filled("a{b=~`${service:regex}`}", {}) == "a{b=~`.*`}"


def test_values_are_written_as_grafana_does() -> None:
    assert written(0.24, "s", None) == "240 ms"
    assert written(0.0000005, "s", None) == "0.5 µs"
    assert written(4.79, "s", 1) == "4.8 s"
    assert written(90, "s", 1) == "1.5 mins"
    assert written(100000, "s", None) == "1.16 days"
    assert written(0.052, "percentunit", 1) == "5.2 %"
    assert written(5300, "bytes", 1) == "5.2 KiB"
    assert written(3.93, "suffix:×", 1) == "3.9 ×"
    assert written(-0.0001, "none", 0) == "0"
    assert written(1234.5, "none", None) == "1234"
