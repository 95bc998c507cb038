"""Routes of the record."""

from django.urls import path

from patients.views import history, patients

app_name = "patients"

urlpatterns = [
    path("", patients.patient_list, name="list"),
    path("new/", patients.new_patient, name="new"),
    path("<uuid:pk>/edit/", patients.edit_patient, name="edit"),
    path("<uuid:pk>/archive/", patients.archive, name="archive"),
    path("<uuid:pk>/restore/", patients.restore, name="restore"),
    path("<uuid:pk>/consent/", patients.consent, name="consent"),
    path("<uuid:pk>/photo/", patients.photo, name="photo"),
    path("<uuid:pk>/diagnoses/new/", history.new_diagnosis, name="new_diagnosis"),
    path("<uuid:pk>/treatments/new/", history.new_treatment, name="new_treatment"),
    path("studies/<uuid:pk>/condition/", history.condition, name="condition"),
    path("diagnoses/<uuid:pk>/edit/", history.edit_diagnosis, name="edit_diagnosis"),
    path("diagnoses/<uuid:pk>/archive/", history.archive_diagnosis, name="archive_diagnosis"),
    path("treatments/<uuid:pk>/edit/", history.edit_treatment, name="edit_treatment"),
    path("treatments/<uuid:pk>/archive/", history.archive_treatment, name="archive_treatment"),
]
