from django.urls import path

from . import views

app_name = "shop"
urlpatterns = [
    path("", views.index, name="index"),
    path("place/", views.place, name="place"),
    path("orders/<int:order_id>/pay/", views.pay, name="pay"),
]
