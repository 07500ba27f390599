"""The examination as one page for people: failures first, one line a check, its dialogue folded below.

A dialogue is printed when it is unfolded: those of failures and deviations are, the others where the reader does it.
"""

from __future__ import annotations

from typing import Any

from protocol.language import Lang, Phrase, translate
from sorm_mediator.conformance.report import Report, by_appendix, details, head, reason, total
from sorm_mediator.conformance.verdicts import DEVIATION, FAIL, NOT_TESTED, PASS, VERDICTS, Result
from sorm_mediator.reports.html import render

_CLASSES = {str(PASS): "pass", str(FAIL): "fail", str(DEVIATION): "deviation", str(NOT_TESTED): "skipped"}

LABELS: dict[str, Phrase] = {
    "title": Phrase("Conformance to order 268", "Соответствие приказу N 268"),
    "result": Phrase("Result", "Итог"),
    "clause": Phrase("Check", "Проверка"),
    "rule": Phrase("Rule", "Требование"),
    "verdict": Phrase("Verdict", "Заключение"),
    "ms": Phrase("ms", "мс"),
    "expected": Phrase("Expected", "Должно быть"),
    "why": Phrase("Reason", "Причина"),
    "appendix": Phrase("Appendix", "Приложение"),
    "sent": Phrase("sent", "послано"),
    "came": Phrase("came", "принято"),
    "done": Phrase("done", "сделано"),
    "prepared": Phrase("making ready", "подготовка"),
    "details": Phrase("details", "подробно"),
    "bytes": Phrase("Octets", "Байты"),
    "meaning": Phrase("Meaning", "Значение"),
    "notable": Phrase("Failures and deviations", "Несоответствия и отклонения"),
    "signatures": Phrase("Signatures", "Подписи"),
    "operator": Phrase("For the operator", "От оператора связи"),
    "post": Phrase("For the control post", "От пункта управления"),
    "name": Phrase("Name", "Фамилия, имя, отчество"),
    "position": Phrase("Post", "Должность"),
    "date": Phrase("Date", "Дата"),
    "signature": Phrase("Signature", "Подпись"),
}


def page(report: Report, lang: Lang = "en") -> str:
    """The page, in ``lang``."""
    return render(__package__, view(report, lang))


def view(report: Report, lang: Lang) -> dict[str, Any]:
    """What the template shows."""
    return {
        "lang": lang,
        "labels": {name: translate(text, lang) for name, text in LABELS.items()},
        "against": report.against,
        "head": head(report, lang),
        "verdict": {"name": translate(report.verdict, lang), "class": _CLASSES[str(report.verdict)]},
        "total": total(report, lang),
        "not_restored": translate(report.not_restored, lang),
        "notable": [_row(one, lang) for one in report.results if one.verdict in (FAIL, DEVIATION)],
        "verdicts": [translate(verdict, lang) for verdict in VERDICTS],
        "appendices": [
            {
                "name": name,
                "checks": [_row(one, lang) for one in results],
                "counts": [sum(one.verdict == verdict for one in results) for verdict in VERDICTS],
            }
            for name, results in by_appendix(report.results, lang)
        ],
    }


def _row(result: Result, lang: Lang) -> dict[str, Any]:
    return {
        "id": result.check.id,
        "title": translate(result.check.title, lang),
        "verdict": translate(result.verdict, lang),
        "class": _CLASSES[str(result.verdict)],
        "ms": f"{result.ms:.0f}",
        "why": reason(result, lang) if result.why else "",
        "notes": [translate(text, lang) for text in result.notes],
        "expected": [translate(text, lang) for text in result.expected],
        "units": details(result, lang),
    }
