"""The access log in words."""

from __future__ import annotations

from django import template

register = template.Library()

WORDS = {
    "patient.add": "added the patient",
    "patient.edit": "changed the record",
    "patient.read": "opened the record",
    "patient.archive": "archived the patient",
    "patient.restore": "restored the patient",
    "patient.consent": "recorded the consent to research",
    "patient.export": "exported signed masks for training, de-identified",
    "patient.photo": "changed the photo",
    "diagnosis.edit": "wrote a diagnosis",
    "diagnosis.archive": "archived a diagnosis",
    "treatment.edit": "wrote a treatment",
    "treatment.archive": "archived a treatment",
    "study.read": "opened a visit",
    "study.condition": "recorded how the patient was",
    "response.decide": "decided on a response category",
    "course.read": "read the course",
    "scan.upload": "uploaded a scan",
    "scan.read": "opened a scan",
    "scan.reading": "opened a scan in the reading room",
    "scan.show": "looked at a scan's images",
    "scan.correct": "corrected a scan",
    "scan.confirm": "confirmed a doubtful scan",
    "scan.archive": "archived a scan",
    "scan.restore": "restored a scan",
    "scan.erase": "erased a scan",
    "scan.download": "downloaded a scan",
    "measure.add": "measured by hand on a scan",
    "measure.remove": "removed a measure by hand",
    "mask.show": "looked at a mask",
    "mask.download": "downloaded a mask",
    "evidence.download": "downloaded the evidence for a tumour's type",
    "unsure.show": "looked at where a model was unsure",
    "unsure.download": "downloaded where a model was unsure",
    "result.download": "downloaded measures",
    "result.read": "read a result",
    "report.read": "read a report",
    "report.download": "downloaded a report",
    "measures.export": "downloaded the patient's measures",
    "measures.export_all": "downloaded the measures of the whole clinic",
    "review.start": "took a result into review",
    "review.release": "gave a review back",
    "review.sign": "signed a result",
    "review.reject": "rejected a result",
    "review.withdraw": "withdrew a signature",
    "review.make_current": "chose the result that counts",
    "edit.begin": "began to correct a result",
    "edit.read": "opened their unsaved drawing",
    "edit.discard": "discarded a drawing",
    "edit.save": "saved a corrected result",
    "training_set.export": "exported a training set",
    "comparison.request": "asked for a comparison",
    "comparison.open": "compared two scans",
    "comparison.read": "read a comparison",
    "comparison.show": "looked at a comparison's images",
    "comparison.download": "downloaded a comparison",
    "segmentation.request": "asked for a segmentation",
}


@register.filter
def in_words(action: str) -> str:
    """The action as the end of a sentence that begins with a name."""
    return WORDS.get(action, action.replace(".", ", "))
