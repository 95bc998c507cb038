"""Routes of the organisation's own pages."""

from django.urls import path

from clinic.views import account, health, members, sign_in

app_name = "clinic"

urlpatterns = [
    path("health/", health.health, name="health"),
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("link/<str:token>/", account.use_one_time_link, name="one_time_link"),
    path("account/", account.account, name="account"),
    path("account/token/", account.renew_token, name="renew_token"),
    path("members/", members.member_list, name="members"),
    path("members/<uuid:pk>/role/", members.change_role, name="change_role"),
    path("members/<uuid:pk>/active/", members.set_active, name="set_active"),
    path("members/<uuid:pk>/reset/", members.reset_password, name="reset_password"),
]
