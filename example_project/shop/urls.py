from django.urls import path

from . import views

app_name = "shop"
urlpatterns = [
    path("", views.index, name="index"),
    path("place/", views.place, name="place"),
    path("orders/<int:order_id>/pay/", views.pay, name="pay"),
    path("office/", views.office, name="office"),
    path("office/report/", views.report, name="report"),
    path("office/import/", views.import_rows, name="import"),
    path("office/php/", views.php, name="php"),
]
