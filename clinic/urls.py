"""All routes. Each belongs to the app that answers it."""

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="patients:list"), name="home"),
    path("", include("clinic.account_urls")),
    path("patients/", include("patients.urls")),
    path("", include("segmentation.urls")),
    path("api/v1/", include("segmentation.api.urls")),
]

handler403 = "clinic.views.errors.forbidden"
handler404 = "clinic.views.errors.not_found"
handler500 = "clinic.views.errors.server_error"
