"""Routes of the API, below ``/api/v1/``."""

from django.urls import path

from clinic.api.token import obtain_token
from segmentation.api import (
    comparisons,
    course,
    edits,
    history,
    measures,
    patients,
    reading,
    reports,
    reviews,
    scans,
    schema,
    segmentations,
    studies,
    uploads,
    worklist,
)

app_name = "api"

urlpatterns = [
    path("token/", obtain_token, name="token"),
    path("schema/", schema.schema, name="schema"),
    path("docs/", schema.docs, name="docs"),
    path("worklist/", worklist.WorklistView.as_view(), name="worklist"),
    path("patients/", patients.PatientList.as_view(), name="patients"),
    path("patients/<uuid:pk>/", patients.PatientDetail.as_view(), name="patient"),
    path("patients/<uuid:pk>/restore/", patients.PatientRestore.as_view(), name="restore_patient"),
    path("patients/<uuid:pk>/erase/", patients.PatientErase.as_view(), name="erase_patient"),
    path("patients/<uuid:pk>/diagnoses/", history.PatientDiagnoses.as_view(), name="diagnoses"),
    path("patients/<uuid:pk>/treatments/", history.PatientTreatments.as_view(), name="treatments"),
    path("patients/<uuid:pk>/studies/", studies.PatientStudies.as_view(), name="studies"),
    path("patients/<uuid:pk>/scans/", uploads.PatientScans.as_view(), name="scans"),
    path(
        "patients/<uuid:pk>/comparisons/",
        comparisons.PatientComparisons.as_view(),
        name="comparisons",
    ),
    path("patients/<uuid:pk>/course/", course.PatientCourse.as_view(), name="course"),
    path("scans/<uuid:pk>/response/", course.ScanResponse.as_view(), name="response"),
    path("comparisons/<uuid:pk>/", comparisons.ComparisonDetail.as_view(), name="comparison"),
    path(
        "comparisons/<uuid:pk>/files/<str:name>/",
        comparisons.ComparisonFile.as_view(),
        name="comparison_file",
    ),
    path("diagnoses/<uuid:pk>/", history.DiagnosisDetail.as_view(), name="diagnosis"),
    path("treatments/<uuid:pk>/", history.TreatmentDetail.as_view(), name="treatment"),
    path("patients/<uuid:pk>/measures.<str:kind>", reports.PatientMeasures.as_view(), name="table"),
    path("measures.<str:kind>", reports.ClinicMeasures.as_view(), name="whole_table"),
    path("studies/<uuid:pk>/report.pdf", reports.StudyReportPdf.as_view(), name="report_pdf"),
    path("studies/<uuid:pk>/", studies.StudyDetail.as_view(), name="study"),
    path("scans/<uuid:pk>/", scans.ScanDetail.as_view(), name="scan"),
    path("scans/<uuid:pk>/reading/", reading.ScanReading.as_view(), name="reading"),
    path("scans/<uuid:pk>/restore/", scans.ScanRestore.as_view(), name="restore_scan"),
    path("scans/<uuid:pk>/confirm/", scans.ScanConfirm.as_view(), name="confirm_scan"),
    path("scans/<uuid:pk>/segment/", scans.ScanSegment.as_view(), name="segment_scan"),
    path("scans/<uuid:pk>/file/", scans.ScanFile.as_view(), name="scan_file"),
    path("scans/<uuid:pk>/erase/", scans.ScanErase.as_view(), name="erase_scan"),
    path("scans/<uuid:pk>/edit/", edits.ScanEdit.as_view(), name="edit"),
    path("scans/<uuid:pk>/edit/labels/", edits.ScanEditLabels.as_view(), name="edit_labels"),
    path("scans/<uuid:pk>/edit/save/", edits.ScanEditSave.as_view(), name="save_edit"),
    path("scans/<uuid:pk>/measures/", measures.ScanMeasures.as_view(), name="measures"),
    path("measures/<uuid:pk>/", measures.MeasureDetail.as_view(), name="measure"),
    path("segmentations/", segmentations.SegmentationList.as_view(), name="segmentations"),
    path(
        "segmentations/<uuid:pk>/", segmentations.SegmentationDetail.as_view(), name="segmentation"
    ),
    path("segmentations/<uuid:pk>/mask/", segmentations.SegmentationMask.as_view(), name="mask"),
    path(
        "segmentations/<uuid:pk>/evidence/",
        segmentations.SegmentationEvidence.as_view(),
        name="evidence",
    ),
    path(
        "segmentations/<uuid:pk>/unsure/", segmentations.SegmentationUnsure.as_view(), name="unsure"
    ),
    path("scans/<uuid:pk>/versions/", reviews.ScanVersions.as_view(), name="versions"),
    path(
        "segmentations/<uuid:pk>/review/start/",
        reviews.ReviewStart.as_view(),
        name="review_start",
    ),
    path(
        "segmentations/<uuid:pk>/review/release/",
        reviews.ReviewRelease.as_view(),
        name="review_release",
    ),
    path("segmentations/<uuid:pk>/review/sign/", reviews.ReviewSign.as_view(), name="review_sign"),
    path(
        "segmentations/<uuid:pk>/review/reject/",
        reviews.ReviewReject.as_view(),
        name="review_reject",
    ),
    path(
        "segmentations/<uuid:pk>/make-current/", reviews.MakeCurrent.as_view(), name="make_current"
    ),
]
