"""Routes of results and of the pages that show them."""

from django.urls import path

from segmentation.views import (
    compare,
    course,
    files,
    learning,
    patient,
    reading,
    report,
    review,
    scan,
    upload,
    worklist,
)

app_name = "segmentation"

urlpatterns = [
    path("worklist/", worklist.worklist_rows, name="worklist"),
    path("worklist/count/", worklist.worklist_count, name="worklist_count"),
    path("patients/<uuid:pk>/", patient.patient_page, name="patient"),
    path("patients/<uuid:pk>/scans/", patient.patient_scans, name="patient_scans"),
    path("patients/<uuid:pk>/course/", course.course_part, name="course"),
    path("patients/<uuid:pk>/course/match/", course.match_lesions, name="match_lesions"),
    path("scans/<uuid:pk>/response/", course.decide, name="decide"),
    path("patients/<uuid:pk>/upload/", upload.upload_scan, name="upload"),
    path("patients/<uuid:pk>/erase/", scan.erase_record, name="erase_patient"),
    path("patients/<uuid:pk>/compare/", compare.compare_page, name="compare"),
    path(
        "patients/<uuid:pk>/compare/request/", compare.request_difference, name="request_difference"
    ),
    path("comparisons/<uuid:pk>/status/", compare.comparison_status, name="comparison_status"),
    path(
        "comparisons/<uuid:pk>/layers/<str:name>/",
        compare.comparison_layer,
        name="comparison_layer",
    ),
    path("patients/<uuid:pk>/measures.<str:kind>", report.patient_measures, name="measures"),
    path("measures.<str:kind>", report.clinic_measures, name="all_measures"),
    path("studies/<uuid:pk>/report/", report.report_page, name="report"),
    path("studies/<uuid:pk>/report.pdf", report.report_pdf, name="report_pdf"),
    path("segmentations/<uuid:pk>/slices/<int:number>/", report.key_slice, name="key_slice"),
    path("scans/<uuid:pk>/", scan.scan_page, name="scan"),
    path("scans/<uuid:pk>/read/", reading.read, name="read"),
    path("scans/<uuid:pk>/volume/<int:channel>/", reading.volume, name="volume"),
    path("scans/<uuid:pk>/status/", scan.scan_status, name="scan_status"),
    path("scans/<uuid:pk>/segment/", scan.segment, name="segment"),
    path("scans/<uuid:pk>/confirm/", scan.confirm, name="confirm"),
    path("scans/<uuid:pk>/correct/", scan.correct, name="correct"),
    path("scans/<uuid:pk>/archive/", scan.archive, name="archive_scan"),
    path("scans/<uuid:pk>/erase/", scan.erase, name="erase_scan"),
    path("scans/<uuid:pk>/file/", files.scan_file, name="scan_file"),
    path("scans/<uuid:pk>/thumbnail/", files.scan_thumbnail, name="scan_thumbnail"),
    path("segmentations/<uuid:pk>/mask/", files.mask_file, name="mask"),
    path("segmentations/<uuid:pk>/lesions/", reading.lesions, name="lesions"),
    path("segmentations/<uuid:pk>/parts/", reading.parts, name="parts"),
    path("segmentations/<uuid:pk>/unsure/", reading.unsure, name="unsure"),
    path("segmentations/<uuid:pk>/result.json", files.result_json, name="result_json"),
    path("models/", learning.models_page, name="models"),
    path("models/export/", learning.export_training_set, name="export_training_set"),
    path("segmentations/<uuid:pk>/review/", review.panel, name="review"),
    path("segmentations/<uuid:pk>/review/<str:step>/", review.step, name="review_step"),
    path("segmentations/<uuid:pk>/preview/<str:kind>/", files.preview, name="preview"),
]
