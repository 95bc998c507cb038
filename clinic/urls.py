"""All routes. Each belongs to the app that answers it."""

from django.urls import include, path

from segmentation.views.worklist import worklist_page

urlpatterns = [
    path("", worklist_page, name="home"),
    path("", include("clinic.account_urls")),
    path("patients/", include("patients.urls")),
    path("", include("segmentation.urls")),
    path("api/v1/", include("segmentation.api.urls")),
]

handler403 = "clinic.views.errors.forbidden"
handler404 = "clinic.views.errors.not_found"
handler500 = "clinic.views.errors.server_error"
